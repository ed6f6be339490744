"""An image set: which images are chosen, how they are cropped, what its fingerprint sees."""

import itertools
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from samples.artifacts import changed_in_time
from samples.pictures import fill, names, noise, write_list
from zoo.errors import ZooError
from zoo.images.sets import (
    HELD_OUT,
    CalibrationSet,
    Crops,
    ImageSet,
    Sample,
    fingerprint,
    samples,
    shard,
    spread,
)


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


def test_a_set_survives_as_plain_values(tmp_path: Path) -> None:
    image_set = ImageSet("set", tmp_path, 5, 1, Crops(0.5, 0.9, False), True, tmp_path / "classes.txt")
    assert ImageSet.from_dict(image_set.to_dict()) == image_set
    assert ImageSet.from_dict({"name": "set", "path": str(tmp_path), "crops": True}).crops == Crops()
    assert ImageSet.from_dict({"name": "set", "path": str(tmp_path), "crops": False}).crops is None
    for values in ({"image": 3}, {"crops": {"size": 3}}, {"crops": {"smallest": 0}}):
        with pytest.raises(ZooError):
            ImageSet.from_dict({"name": "set", "path": str(tmp_path), **values})


def test_the_fingerprint_of_large_files_is_the_same_wherever_they_lie(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("zoo.images.sets._CONTENT_LIMIT", 0)  # as if they were large
    seen = []
    for place, age in (("a", 1), ("b", 2)):
        (tmp_path / place).mkdir()
        (tmp_path / place / "x.png").write_bytes(b"an image")
        os.utime(tmp_path / place / "x.png", (age, age))
        image_set = ImageSet("set", tmp_path / place)
        seen.append(fingerprint(image_set))
    assert seen[0] == seen[1]


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


def test_a_large_set_is_read_again_only_when_a_file_is_another(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    big = tmp_path / "set/big.png"
    big.parent.mkdir()
    with big.open("wb") as handle:
        handle.truncate((16 << 20) + 1)
    images = ImageSet("set", tmp_path / "set")
    before = fingerprint(images)
    os.utime(big, (1, 1))
    assert fingerprint(images) == before  # read again, and the same
    with monkeypatch.context() as unread:
        unread.setattr("zoo.jobs.made.sha256", lambda *paths: pytest.fail("it was read"))
        assert fingerprint(images) == before
    changed_in_time(big)
    changed = fingerprint(images)
    assert changed != before
    shutil.rmtree(tmp_path / "results")
    assert fingerprint(images) == changed


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


def test_another_label_is_another_fingerprint(tmp_path: Path) -> None:
    fill(tmp_path, "x.png", "y.png")
    prints = []
    for text in ("x.png\tcat\ny.png\tdog", "x.png\tcat\ny.png\tcow", "x.png\tcat\ny.png\tcat"):
        prints.append(fingerprint(ImageSet("s", write_list(tmp_path, text), labels=True)))
    assert len(set(prints)) == 3


def numbered(count):
    return [Sample(str(number), Path(str(number))) for number in range(count)]


def names_of(chosen):
    return [int(sample.name) for sample in chosen]


def test_shards_share_all_samples_out():
    assert [names_of(shard(numbered(7), number, 3)) for number in (1, 2, 3)] == [[0, 3, 6], [1, 4], [2, 5]]
    with pytest.raises(ZooError, match="2 calibration images are too few for 3 shards"):
        shard(numbered(2), 3, 3)


def test_samples_are_spread_evenly():
    assert names_of(spread(numbered(10), 4)) == [0, 2, 5, 7]
    assert names_of(spread(numbered(3), 4)) == [0, 1, 2]


@pytest.mark.parametrize("key", ["image set", "split", "crops"])
def test_an_unknown_key_is_refused_with_those_that_there_are(key):
    values = {"name": "x", "path": "y"}
    wrong = values | {"size": 1} if key == "image set" else values | {key: {"size": 1}}
    with pytest.raises(ZooError, match=f"^{key}: unknown size; it takes "):
        ImageSet.from_dict(wrong)
