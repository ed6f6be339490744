"""Reading images, and drawing samples from folders and lists."""

import itertools
import os
import re
import shutil
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from timm.data import ImageDataset, create_transform

from zoo.errors import ZooError
from zoo.images import decode as images
from zoo.images.decode import load, pixels, read_image, read_inputs
from zoo.images.inputs import FILE, NORMAL, Feed, Input, filled
from zoo.images.preprocess import Preprocess, prepare, timm_config
from zoo.images.sets import HELD_OUT, CalibrationSet, Crops, ImageSet, Sample, fingerprint, samples

RECORD = Preprocess((32, 32))
FEED = Feed.image(RECORD)


def noise(seed: int = 0, width: int = 40, height: int = 30) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def fill(folder: Path, *names: str) -> Path:
    """Save one image of its own under each name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noise(zlib.crc32(name.encode())).save(folder / name)
    return folder


def write_list(folder: Path, text: str) -> Path:
    (folder / "list.txt").write_text(text, encoding="utf-8")
    return folder / "list.txt"


def names(image_set: ImageSet) -> list[str]:
    return [sample.name for sample in samples(image_set)]


# Reading


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


# Folders and lists


def test_a_folder_gives_its_images_by_name(tmp_path: Path) -> None:
    fill(tmp_path, "b/two words.JPG", "b/ä.png", "a.jpeg", ".hidden/c.bmp")
    (tmp_path / "SOURCES.md").write_text("no image")
    assert names(ImageSet("set", tmp_path)) == [".hidden/c.bmp", "a.jpeg", "b/two words.JPG", "b/ä.png"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", "x.png")
    fill(tmp_path / "set", "a.png")
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "set")
    assert names(ImageSet("set", tmp_path / "set")) == ["a.png", "linked/x.png"]


def test_folder_labels_are_timms(tmp_path: Path) -> None:
    fill(
        tmp_path, *(f"{folder}/{i}.png" for folder in ("10", "9", "b/Dog", "a/cat", "c/cat") for i in (0, 1))
    )
    reader = ImageDataset(str(tmp_path)).reader
    expected = {str(Path(path).relative_to(tmp_path)): label for path, label in reader.samples}
    assert {s.name: s.label for s in samples(ImageSet("set", tmp_path, labels=True))} == expected
    assert {s.label for s in samples(ImageSet("set", tmp_path))} == {None}


def test_a_class_map_gives_line_numbers(tmp_path: Path) -> None:
    fill(tmp_path / "set", "n02/a.png", "n01/b.png")
    (tmp_path / "classes.txt").write_text("n00\nn01\nn02\n")
    image_set = ImageSet("set", tmp_path / "set", labels=True, classes=tmp_path / "classes.txt")
    assert [(s.name, s.label) for s in samples(image_set)] == [("n01/b.png", 1), ("n02/a.png", 2)]
    fill(tmp_path / "set", "n07/c.png")
    with pytest.raises(ZooError, match=r"image set set: .*classes\.txt has no class 'n07'"):
        samples(image_set)


def test_a_labelled_folder_has_no_stray_images(tmp_path: Path) -> None:
    fill(tmp_path, "a/x.png", "stray.png")
    with pytest.raises(ZooError, match=r"stray\.png lies in no class folder"):
        samples(ImageSet("set", tmp_path, labels=True))


def test_a_list_names_images_relative_to_itself(tmp_path: Path) -> None:
    fill(tmp_path, "a b/ü 1.png", "#c.png")
    write_list(tmp_path, "# comment\r\n\r\na b/ü 1.png\t7\r\n./#c.png\t3\r\n")
    found = samples(ImageSet("set", tmp_path / "list.txt", labels=True))
    assert [(s.name, s.label) for s in found] == [("./#c.png", 3), ("a b/ü 1.png", 7)]
    assert all(sample.path.is_file() for sample in found)


def test_a_list_may_name_classes(tmp_path: Path) -> None:
    fill(tmp_path, "x.png")
    (tmp_path / "classes.txt").write_text("cat\nbig dog\n")
    listing = write_list(tmp_path, "x.png\tbig dog")
    assert samples(ImageSet("s", listing, labels=True, classes=tmp_path / "classes.txt"))[0].label == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x.png\t1\ngone.png\t2", "line 2: .*gone.png"),
        ("x.png 1", "line 1: .*tab, not a space"),
        ("x.png\t1\nx.png\t2", "line 2: x.png is listed twice"),
        ("x.png", "line 1: .*a tab and the class must follow"),
        ("x.png\tcat", "'cat' is not a whole number"),
        ("# nothing\n", "no image"),
    ],
)
def test_a_bad_list_is_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    fill(tmp_path, "x.png")
    with pytest.raises(ZooError, match="image set holiday: .*" + message):
        samples(ImageSet("holiday", write_list(tmp_path, text), labels=True))


def test_sets_that_cannot_give_what_is_asked_say_so(tmp_path: Path) -> None:
    fill(tmp_path / "two", "a.png", "b.png")
    (tmp_path / "none").mkdir()
    with pytest.raises(ZooError, match=r"image set few: .* has 2 images and 3 are asked for; add"):
        samples(ImageSet("few", tmp_path / "two", images=3))
    with pytest.raises(ZooError, match=r"image set none: .* has no image"):
        samples(ImageSet("none", tmp_path / "none", images=3, crops=Crops()))
    with pytest.raises(ZooError, match=r"image set gone: .*gone"):
        samples(ImageSet("gone", tmp_path / "gone"))
    with pytest.raises(ZooError, match="at least 1"):
        ImageSet("zero", tmp_path, images=0)


# Choosing and cropping


def test_choice_depends_on_seed_and_barely_on_a_new_image(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{i}.png" for i in range(30)))
    image_set = ImageSet("set", tmp_path, images=10)
    before = names(image_set)
    assert before == sorted(before) and len(set(before)) == 10
    assert names(ImageSet("set", tmp_path, images=10, seed=1)) != before
    fill(tmp_path, "new.png")
    assert len(set(names(image_set)) - set(before)) <= 1


def test_samples_do_not_depend_on_the_order_of_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, *(f"{folder}/{i}.png" for folder in "abc" for i in range(5)))
    image_set = ImageSet("set", tmp_path, images=40, crops=Crops())
    before = samples(image_set)
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda *a, **k: [(d, s, f[::-1]) for d, s, f in walk(*a, **k)][::-1])
    assert samples(image_set) == before


def test_crops_take_turns_over_the_images(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png", "c.png")
    image_set = ImageSet("set", tmp_path, images=200, crops=Crops(0.5, 0.8))
    drawn = samples(image_set)
    assert [sample.name for sample in drawn] == [sample.name for sample in drawn[:3]] * 66 + [
        sample.name for sample in drawn[:2]
    ]
    assert len({sample.crop for sample in drawn}) == 200
    assert 60 < sum(sample.flip for sample in drawn) < 140
    sides = [sample.crop.side for sample in drawn]
    assert 0.5 <= min(sides) < 0.52 and 0.78 < max(sides) <= 0.8
    for sample, (width, height) in itertools.product(drawn, [(40, 30), (7, 100), (1, 1)]):
        left, top, right, bottom = sample.crop.box(width, height)
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
        assert right - left == bottom - top == max(1, round(sample.crop.side * min(width, height)))


def test_a_new_image_leaves_the_crops_of_the_others(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png", "c.png")
    before = samples(ImageSet("set", tmp_path, images=30, crops=Crops()))
    fill(tmp_path, "d.png")
    after = samples(ImageSet("set", tmp_path, images=40, crops=Crops()))
    assert [sample for sample in after if sample.name != "d.png"] == before


def test_without_flips_nothing_is_mirrored(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    drawn = samples(ImageSet("set", tmp_path, images=50, crops=Crops(flip=False)))
    assert not any(sample.flip for sample in drawn)


def test_a_sample_shows_its_part_of_the_image(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    whole = np.asarray(read_image(tmp_path / "a.png"))
    for sample in samples(ImageSet("set", tmp_path, images=20, crops=Crops())):
        left, top, right, bottom = sample.crop.box(40, 30)
        part = whole[top:bottom, left:right]
        np.testing.assert_array_equal(np.asarray(pixels(sample)), part[:, ::-1] if sample.flip else part)


def test_a_set_survives_as_plain_values(tmp_path: Path) -> None:
    image_set = ImageSet("set", tmp_path, 5, 1, Crops(0.5, 0.9, False), True, tmp_path / "classes.txt")
    assert ImageSet.from_dict(image_set.to_dict()) == image_set
    assert ImageSet.from_dict({"name": "set", "path": str(tmp_path), "crops": True}).crops == Crops()
    assert ImageSet.from_dict({"name": "set", "path": str(tmp_path), "crops": False}).crops is None
    for values in ({"image": 3}, {"crops": {"size": 3}}, {"crops": {"smallest": 0}}):
        with pytest.raises(ZooError):
            ImageSet.from_dict({"name": "set", "path": str(tmp_path), **values})


# Fingerprints


def test_fingerprint_sees_what_decides_the_input(tmp_path: Path) -> None:
    fill(tmp_path / "set", "x/a.png", "x/b.png", "y/c.png")
    image_set = ImageSet("set", tmp_path / "set", images=10, crops=Crops())
    seen = {fingerprint(image_set)}
    for other in (
        ImageSet("set", tmp_path / "set", images=11, crops=Crops()),
        ImageSet("set", tmp_path / "set", images=10, crops=Crops(flip=False)),
        ImageSet("set", tmp_path / "set", images=10, crops=Crops(), seed=1),
        ImageSet("set", tmp_path / "set", images=10, crops=Crops(), labels=True),
        ImageSet("set", tmp_path / "set"),
    ):
        seen.add(fingerprint(other))
    noise(99).save(tmp_path / "set" / "x" / "a.png")
    seen.add(fingerprint(image_set))
    fill(tmp_path / "set", "x/d.png")
    seen.add(fingerprint(image_set))
    assert len(seen) == 8


def test_fingerprint_ignores_what_does_not(tmp_path: Path) -> None:
    fill(tmp_path / "set", "a.png", "b.png")
    before = fingerprint(ImageSet("set", tmp_path / "set"))
    os.utime(tmp_path / "set" / "a.png", (1, 1))
    (tmp_path / "set" / "SOURCES.md").write_text("no image")
    assert fingerprint(ImageSet("set", tmp_path / "set")) == before
    shutil.copytree(tmp_path / "set", tmp_path / "checkout")
    assert fingerprint(ImageSet("another name", tmp_path / "checkout")) == before


def test_fingerprint_of_a_large_set_goes_by_size_and_time(tmp_path: Path) -> None:
    big = tmp_path / "big.png"
    with big.open("wb") as handle:
        handle.truncate((16 << 20) + 1)
    os.utime(big, (1, 1))
    before = fingerprint(ImageSet("set", tmp_path))
    with big.open("r+b") as handle:
        handle.write(b"x")
    os.utime(big, (1, 1))
    assert fingerprint(ImageSet("set", tmp_path)) == before
    os.utime(big, (2, 2))
    assert fingerprint(ImageSet("set", tmp_path)) != before


# Loading


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


@pytest.mark.parametrize(("photos", "apart"), [(12, 3), (5, 1), (2, 1)])
def test_calibration_holds_whole_photographs_out(tmp_path, photos, apart):
    for index in range(photos):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{index}.png")
    image_set = ImageSet("set", tmp_path, images=200, crops=Crops())
    parts = CalibrationSet.of(image_set)
    kept, held_out = parts.collected, parts.held_out
    names = [{sample.name for sample in each} for each in (kept, held_out)]
    assert (len(names[0]), len(names[1])) == (photos - apart, apart)
    assert not names[0] & names[1]
    assert len(held_out) == HELD_OUT and len(kept) >= 200 * (photos - apart) // photos - photos


def test_a_single_image_is_calibrated_on_and_tried_on(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    parts = CalibrationSet.of(ImageSet("set", tmp_path))
    assert parts.collected == parts.held_out == samples(ImageSet("set", tmp_path))


# Inputs of other kinds


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
        ZooError, match=r"a\.npz: cannot be read as a file of arrays; replace it or take it off"
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
