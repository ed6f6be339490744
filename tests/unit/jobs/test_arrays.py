"""Arrays come back as they were written, or their file is refused by name."""

import io
import zipfile

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.jobs.arrays import read_arrays, write_arrays
from zoo.jobs.files import sha256

ARRAYS = {"logits": np.float32([[1.5, np.nan]]), "a/0": np.int64([3]), "names": np.array(["x", "ßy"])}


def test_arrays_come_back_and_have_the_same_bytes_whenever_written(tmp_path):
    for name in ("a.npz", "b.npz"):
        write_arrays(ARRAYS, tmp_path / name)
    again = read_arrays(tmp_path / "a.npz")
    assert list(again) == list(ARRAYS)
    for name, values in ARRAYS.items():
        assert again[name].dtype == values.dtype
        np.testing.assert_array_equal(again[name], values)
    assert sha256(tmp_path / "a.npz") == sha256(tmp_path / "b.npz")


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "npy", "flipped", "unpackable", "missing"])
def test_a_damaged_file_of_arrays_is_named(kind, tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(ARRAYS, path)
    whole = path.read_bytes()
    data, entry = whole.index(ARRAYS["logits"].tobytes()), whole.index(b"PK\x01\x02")
    np.save(tmp_path / "single.npy", ARRAYS["a/0"])
    contents = {
        "empty": b"",
        "text": b"text",
        "truncated": whole[:-40],
        "npy": (tmp_path / "single.npy").read_bytes(),
        "flipped": whole[:data] + b"\0\0\0\0" + whole[data + 4 :],
        "unpackable": whole[: entry + 10] + b"\x63" + whole[entry + 11 :],  # compression method 99
    }
    if kind == "missing":
        path.unlink()
    else:
        path.write_bytes(contents[kind])
    with pytest.raises(ZooError, match=r"a\.npz: cannot be read .*delete it to have it made again"):
        read_arrays(path)


def member(shape: tuple[int, ...]) -> bytes:
    """A header that promises float32 of a shape, and four numbers."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(16)


@pytest.mark.parametrize(
    "content", [b"no array", member((10**15,)), member((10**30,)), member((-1,)), member((5,))]
)
def test_a_member_that_is_not_what_it_says_is_damaged(content, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(ZooError, match=r"a\.npz: cannot be read"):
        read_arrays(tmp_path / "a.npz")


def test_text_that_is_none_is_damaged(tmp_path):
    names = np.array(["a", "b"])
    np.savez(tmp_path / "a.npz", names=np.array([97, 1 << 30], np.uint32).view(names.dtype))
    with pytest.raises(ZooError, match=r"a\.npz: cannot be read"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_whatever_bit_of_a_file_of_arrays_flips_it_is_damaged_at_worst(save, tmp_path):
    path = tmp_path / "a.npz"
    save(path, image=np.random.default_rng(0).integers(0, 4, (3, 16, 16)).astype(np.float32))
    whole = path.read_bytes()
    for index in range(0, len(whole), 5):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 1 << index % 8]) + whole[index + 1 :])
        try:
            read_arrays(path)
        except ZooError as error:
            assert str(error).startswith(f"{path}: cannot be read ")
