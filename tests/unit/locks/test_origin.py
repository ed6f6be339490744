"""What a lock was made from is compared with what a build has, and what differs is said."""

import os
from dataclasses import replace

from samples.artifacts import photos
from samples.cards import card
from zoo.images.planned import MADE_HERE
from zoo.images.sets import ImageSet
from zoo.jobs.surroundings import Machine, Surroundings
from zoo.locks.origin import Origin


def surroundings(cpu: str = "a CPU", **tools: str) -> Surroundings:
    return Surroundings(tools, "", Machine("Linux", "x86_64", cpu, (), 2), None)


THEN = surroundings(ncnn="1", torch="2")
ORIGIN = Origin(
    "ab", False, {"fp32.param": "1", "fp32.bin": "2"}, "images", {"recipe": "auto", "exclude": []}
)


def said(now: Origin, today: Surroundings = THEN) -> list[str]:
    return list(ORIGIN.differences(now, THEN, today))


def test_the_same_on_another_machine_is_the_same():
    assert said(ORIGIN, surroundings("another CPU", ncnn="2")) == []


def test_other_fp32_files_of_the_same_weights_are_explained_by_versions_and_processor():
    now = replace(ORIGIN, fp32={"fp32.param": "1", "fp32.bin": "3"})
    assert said(now) == [
        "of the same weights fp32.bin became other files (by the same versions on the same kind of processor)"
    ]
    (sentence,) = said(now, surroundings("another CPU", ncnn="1", torch="3", numpy="4"))
    assert sentence.endswith(
        "(torch 2 then, 3 now; numpy none then, 4 now; on a CPU then, on another CPU now)"
    )


def test_other_weights_are_said_once_and_of_trained_ones_why():
    now = replace(ORIGIN, weights="cd", fp32={"fp32.param": "1", "fp32.bin": "3"})
    assert said(now) == ["the model's weights are others"]
    assert "keep the file and name it (weights: {file: …})" in said(replace(now, trained=True))[0]


def test_other_images_and_settings_are_named():
    now = replace(ORIGIN, images="others", settings={"recipe": "local", "exclude": [], "pinned": "cd"})
    assert said(now) == [
        "the calibration images are others",
        "int8: recipe was auto, is local",
        "the pinned recipe was None, is cd",
    ]


def test_a_lock_of_before_was_by_the_objective_that_there_was():
    settings = {"recipe": "auto", "exclude": []}
    assert said(replace(ORIGIN, settings=settings | {"objective": "balanced"})) == []
    (sentence,) = said(replace(ORIGIN, settings=settings | {"objective": "fastest"}))
    assert sentence == "int8: objective was balanced, is fastest"


def test_an_origin_says_the_same_on_every_machine(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.images.sets._CONTENT_LIMIT", 0)  # as if they were many
    card("net", source={"kind": "train", "location": "digits", "seed": 0}).write(tmp_path / "card.json")
    (tmp_path / "photos").mkdir()
    photos(tmp_path / "photos")
    for name in ("fp32.param", "fp32.bin"):
        (tmp_path / name).write_bytes(name.encode())
    files = [tmp_path / "fp32.param", tmp_path / "fp32.bin"]
    images = ImageSet.from_dict({"name": "photos", "path": str(tmp_path / "photos")}).to_dict()
    origin = Origin.of(tmp_path / "card.json", files, images, "state", {"recipe": "auto"})
    assert origin.trained and set(origin.fp32) == {"fp32.param", "fp32.bin"}
    os.utime(tmp_path / "photos/0.png", (1, 1))
    assert Origin.of(tmp_path / "card.json", files, images, "another", {"recipe": "auto"}) == origin
    (tmp_path / "photos/0.png").write_bytes((tmp_path / "photos/1.png").read_bytes())
    assert Origin.of(tmp_path / "card.json", files, images, "state", {"recipe": "auto"}) != origin


def test_packaged_images_count_by_what_is_chosen_of_them(tmp_path):
    """A rule writes them, and how they are compressed is the machine's affair."""
    card("net").write(tmp_path / "card.json")
    seen = set()
    for place, count in (("a", 8), ("b", 8), ("b", 9)):
        images = ImageSet.from_dict({"name": "digits", "path": str(tmp_path / place), "images": count})
        seen.add(Origin.of(tmp_path / "card.json", [], images.to_dict(), MADE_HERE, {}).images)
    assert len(seen) == 2
