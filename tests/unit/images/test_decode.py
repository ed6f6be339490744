"""Images are read as timm reads them, whatever their kind; loading keeps order, and names what is broken."""

import os
import re
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from timm.data import ImageDataset, create_transform

from samples.pictures import fill, noise
from zoo.errors import ZooError
from zoo.images import decode as images
from zoo.images.decode import load, pixels, read_image, read_inputs
from zoo.images.inputs import FILE, NORMAL, Feed, Input, filled
from zoo.images.preprocess import Preprocess, prepare, timm_config
from zoo.images.sets import Crops, ImageSet, Sample, samples

RECORD = Preprocess((32, 32))
FEED = Feed.image(RECORD)


def see_through(path: Path) -> None:
    image = noise().convert("RGBA")
    image.putalpha(noise(1).getchannel(0))
    image.save(path)


def rotated(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned by 90 degrees
    noise().save(path, exif=exif)


def sixteen_bit_colour(path: Path) -> None:
    """Pillow reads 16-bit RGB and cannot write it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    values = np.random.default_rng(0).integers(0, 1 << 16, (30, 3 * 40)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 40, 30, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


ODD_IMAGES: dict[str, Callable[[Path], None]] = {
    "gray.jpg": lambda path: noise().convert("L").save(path),
    "gray with alpha.png": lambda path: noise().convert("LA").save(path),
    "bilevel.png": lambda path: noise().convert("1").save(path),
    "palette.png": lambda path: noise().quantize(16).save(path),
    "transparent palette.png": lambda path: noise().quantize(16).save(path, transparency=3),
    "rgba.png": see_through,
    "cmyk.jpg": lambda path: noise().convert("CMYK").save(path),
    "rotated.jpg": rotated,
    "16-bit colour.png": sixteen_bit_colour,
}


@pytest.mark.parametrize("name", ODD_IMAGES)
def test_odd_images_are_read_as_timms_dataset_reads_them(tmp_path: Path, name: str) -> None:
    (tmp_path / "class").mkdir()
    path = tmp_path / "class" / name
    ODD_IMAGES[name](path)
    transform = create_transform(**timm_config(RECORD), is_training=False)
    expected, _ = ImageDataset(str(tmp_path), transform=transform)[0]
    image = read_image(path)
    assert image.mode == "RGB" and image.size == (40, 30)
    np.testing.assert_array_equal(prepare(image, RECORD), expected.numpy())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("first.gif", {"save_all": True}),
        ("first.tiff", {"save_all": True}),
        ("first.webp", {"save_all": True, "lossless": True}),
        ("first.apng", {"save_all": True}),
        ("alone.tga", {}),
        ("alone.jp2", {}),
        ("alone.qoi", {}),
        ("alone.bmp", {}),
    ],
)
def test_the_first_picture_of_a_file_is_read_whatever_the_format(
    tmp_path: Path, name: str, options: dict
) -> None:
    first = noise(3).quantize(64).convert("RGB")  # a GIF has no more colours
    more = {"append_images": [noise(4)]} if options else {}
    first.save(tmp_path / name, "PNG" if name.endswith("apng") else None, **options, **more)
    assert not options or Image.open(tmp_path / name).n_frames == 2
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / name)), np.asarray(first))


def cut_short(path: Path) -> None:
    noise().save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BROKEN_IMAGES: dict[str, Callable[[Path], None]] = {
    "truncated.jpg": cut_short,
    "truncated.png": cut_short,
    "empty.png": Path.touch,
    "text.jpg": lambda path: path.write_text("no picture at all"),
    "folder.jpg": Path.mkdir,
    "missing.jpg": lambda path: None,
    "16-bit gray.png": lambda path: Image.fromarray(np.full((8, 8), 40000, np.uint16)).save(path),
    "32-bit float.tif": lambda path: Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(path),
}


@pytest.mark.parametrize("name", BROKEN_IMAGES)
def test_an_unreadable_image_is_refused_by_name(tmp_path: Path, name: str) -> None:
    BROKEN_IMAGES[name](tmp_path / name)
    with pytest.raises(ZooError, match=name):
        read_image(tmp_path / name)


def test_a_sample_shows_its_part_of_the_image(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    whole = np.asarray(read_image(tmp_path / "a.png"))
    for sample in samples(ImageSet("set", tmp_path, images=20, crops=Crops())):
        left, top, right, bottom = sample.crop.box(40, 30)
        part = whole[top:bottom, left:right]
        np.testing.assert_array_equal(np.asarray(pixels(sample)), part[:, ::-1] if sample.flip else part)


@pytest.mark.parametrize("threads", [1, 3])
def test_load_keeps_order_and_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], threads: int
) -> None:
    fill(tmp_path, *(f"{i}.png" for i in range(7)))
    noise(7, 1500, 1000).save(tmp_path / "0.png")  # by far the slowest to decode
    drawn = samples(ImageSet("set", tmp_path, images=20, crops=Crops()))
    loaded = list(load(drawn, FEED, threads, title="reading"))
    assert [sample for sample, _ in loaded] == drawn
    for sample, (array,) in loaded:
        assert array.shape == (3, 32, 32) and array.dtype == np.float32 and array.flags.c_contiguous
        np.testing.assert_array_equal(array, prepare(pixels(sample), RECORD))
    assert capsys.readouterr() == ("", "")  # no progress bar where nobody watches


def test_load_reads_only_a_little_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Sample] = []
    decode = images.pixels
    monkeypatch.setattr(
        images, "pixels", lambda sample, *mode: (started.append(sample), decode(sample, *mode))[1]
    )
    fill(tmp_path, "a.png")
    loading = load(samples(ImageSet("set", tmp_path, images=100, crops=Crops())), FEED, threads=2)
    for taken in range(1, 10):
        next(loading)
        assert len(started) <= taken + 4
    loading.close()
    assert len(started) < 20
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_load_names_the_broken_image_when_its_turn_comes(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "c.png")
    (tmp_path / "b.png").write_text("no picture")
    loading = load(samples(ImageSet("set", tmp_path)), FEED, threads=2)
    assert next(loading)[0].name == "a.png"
    with pytest.raises(ZooError, match=r"b\.png"):
        next(loading)


def test_load_names_an_image_that_cannot_be_resized(tmp_path: Path) -> None:
    noise(0, 4000, 1).save(tmp_path / "thread.png")
    drawn = samples(ImageSet("set", tmp_path))
    with pytest.raises(ZooError, match=r"thread\.png: .*4000x1"):
        list(load(drawn, Feed.image(Preprocess((32, 32), crop_mode="border"))))


GRAY = Preprocess((32, 32), mean=(0.5,), std=(0.25,), channels="GRAY")
RGBA = Preprocess((32, 32), mean=(0.5,) * 4, std=(0.25,) * 4, channels="RGBA")


def only(sample: Sample, record: Preprocess) -> np.ndarray:
    (array,) = read_inputs(sample, Feed.image(record))
    return array


@pytest.mark.parametrize("name", [name for name in ODD_IMAGES if "alpha" not in name])
def test_gray_inputs_are_what_timm_reads_in_mode_l(tmp_path: Path, name: str) -> None:
    (tmp_path / "class").mkdir()
    path = tmp_path / "class" / name
    ODD_IMAGES[name](path)
    config = timm_config(RECORD) | {"input_size": (1, 32, 32), "mean": (0.5,), "std": (0.25,)}
    transform = create_transform(**config, is_training=False)
    expected, _ = ImageDataset(str(tmp_path), transform=transform, input_img_mode="L")[0]
    np.testing.assert_array_equal(only(Sample(name, path), GRAY), expected.numpy())


def test_rgba_inputs_keep_the_transparency(tmp_path: Path) -> None:
    see_through(tmp_path / "a.png")
    read = only(Sample("a.png", tmp_path / "a.png"), RGBA)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(read, prepare(image, RGBA))
        assert read.shape == (4, 32, 32) and np.ptp(read[3]) > 1
    noise().save(tmp_path / "b.png")
    assert (only(Sample("b.png", tmp_path / "b.png"), RGBA)[3] == 2).all(), "opaque: (1 - 0.5) / 0.25"


def test_crops_and_mirrors_are_those_of_the_image_whatever_its_channels(tmp_path: Path) -> None:
    see_through(tmp_path / "a.png")
    for sample in samples(ImageSet("set", tmp_path, images=6, crops=Crops())):
        np.testing.assert_array_equal(only(sample, RGBA), prepare(pixels(sample, "RGBA"), RGBA))
        np.testing.assert_array_equal(only(sample, GRAY), prepare(pixels(sample), GRAY))


MANY = Feed(
    RECORD,
    (
        Input("large", (3, 32, 32)),
        Input("mask", (1, 8, 8), 1.0),
        Input("small", (3, 16, 24)),
        Input("vector", (5,), NORMAL),
        Input("again", (3, 32, 32)),
    ),
)


def test_every_input_gets_its_values(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png")
    drawn = samples(ImageSet("set", tmp_path, images=8, crops=Crops()))
    for sample, (large, mask, small, vector, again) in load(drawn, MANY, threads=2):
        image = pixels(sample)
        np.testing.assert_array_equal(large, prepare(image, RECORD))
        np.testing.assert_array_equal(small, prepare(image, Preprocess((16, 24))))
        np.testing.assert_array_equal(again, large)
        np.testing.assert_array_equal(mask, np.ones((1, 8, 8)))
        np.testing.assert_array_equal(vector, filled(MANY.inputs[3], sample.name))


def test_an_image_is_decoded_once_for_inputs_of_one_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a.png")
    read: list[str] = []
    decode = images.pixels
    monkeypatch.setattr(images, "pixels", lambda *given: (read.append(given[1]), decode(*given))[1])
    read_inputs(Sample("a.png", tmp_path / "a.png"), MANY)
    assert read == ["RGB"]


def given_arrays(**changes: np.ndarray) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {each.name: generator.standard_normal(each.shape) for each in MANY.inputs} | changes


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("suffix", [".npz", ".NPZ"])
def test_a_file_of_arrays_brings_all_inputs(tmp_path: Path, save: Callable, suffix: str) -> None:
    with (tmp_path / f"a{suffix}").open("wb") as file:
        save(file, **given_arrays())
    noise().save(tmp_path / "b.png")
    (sample, found), (other, from_image) = load(samples(ImageSet("set", tmp_path)), MANY, threads=2)
    assert (sample.name, other.name) == (f"a{suffix}", "b.png"), "both kinds can be in one set"
    for each, values in zip(MANY.inputs, found, strict=True):
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, given_arrays()[each.name].astype(np.float32))
    np.testing.assert_array_equal(from_image[0], prepare(noise(), RECORD))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"large": np.zeros((3, 8, 8))}, r"a\.npz: large has the shape \[3, 8, 8\], .* takes \[3, 32, 32\]"),
        ({"vector": np.full(5, np.nan)}, r"a\.npz: vector holds NaN or infinity"),
        ({"mask": np.array("no mask")}, r"a\.npz: mask holds <U7, and must hold numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_named_with_their_file(tmp_path: Path, arrays: dict, said: str) -> None:
    np.savez(tmp_path / "a.npz", **given_arrays(**arrays))
    with pytest.raises(ZooError, match=f"^{re.escape(str(tmp_path))}/{said}"):
        list(load(samples(ImageSet("set", tmp_path)), MANY))


@pytest.mark.parametrize("content", [b"", b"no arrays", None])
def test_a_broken_file_of_arrays_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(
        ZooError, match=r"a\.npz: cannot be read as a file of arrays; replace it or leave it out"
    ):
        read_inputs(Sample("a.npz", tmp_path / "a.npz"), MANY)


def test_arrays_are_neither_cropped_nor_mirrored(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **given_arrays())
    drawn = samples(ImageSet("set", tmp_path, images=3, crops=Crops()))
    with pytest.raises(ZooError, match=r"a\.npz: arrays cannot be cropped; turn crops off for their set"):
        list(load(drawn, MANY))


def test_an_image_does_not_bring_what_only_a_file_can(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    feed = Feed(RECORD, (Input("photo", (3, 32, 32)), Input("depth", (1, 32, 32), FILE)))
    with pytest.raises(ZooError, match=r"a\.png: the input depth takes its values from a file"):
        list(load(samples(ImageSet("set", tmp_path)), feed))


@pytest.mark.parametrize("name", ["pipe.png", "pipe.npz"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    feed = Feed.image(Preprocess(size=(8, 8)))
    with pytest.raises(ZooError, match=r"pipe\.(png is a pipe|npz: cannot be read)"):
        images.read_inputs(Sample(name, tmp_path / name), feed)
