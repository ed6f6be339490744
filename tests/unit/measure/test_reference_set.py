"""What artifacts are held to, as it is read from files; what a search chose is measured as it measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samples.artifacts import FEED, artifact, pair, photos, reference
from samples.cards import card
from samples.ncnn import small_network
from zoo.config.targets import Target
from zoo.errors import ZooError
from zoo.images.sets import CalibrationSet, ImageSet
from zoo.measure.metrics import MAX_DB, sqnr_db
from zoo.measure.reference_set import ReferenceSet, SearchImages
from zoo.ncnn.bf16 import to_bf16
from zoo.runners.inference import run


@pytest.fixture
def files(tmp_path):
    """Three images, the card and the reference outputs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    samples = photos(folder)
    card().write(tmp_path / "small.json")
    reference(small_network(), samples, tmp_path).save(tmp_path / "reference.npz")
    return (
        {"name": "photos", "path": str(folder)},
        "as planned",
        tmp_path / "small.json",
        tmp_path / "reference.npz",
    )


def test_a_set_is_read_with_what_feeds_it_and_what_is_right(files):
    against = ReferenceSet.read(*files)
    assert (against.name, against.feed) == ("photos", FEED)
    assert tuple(sample.name for sample in against.samples) == against.reference.names


def test_other_images_of_one_name_are_another_set(files):
    first = ReferenceSet.read(*files)
    assert ReferenceSet.read(*files).identity == first.identity
    folder = Path(files[0]["path"])
    (folder / "0.png").write_bytes((folder / "1.png").read_bytes())
    assert ReferenceSet.read(*files).identity != first.identity


@pytest.mark.parametrize(("most", "taken"), [(1, [0]), (2, [0, 2]), (3, [0, 1, 2]), (8, [0, 1, 2])])
def test_a_target_takes_a_part_evenly_and_says_of_how_many(files, tmp_path, most: int, taken: list[int]):
    against, here = ReferenceSet.read(*files), artifact(tmp_path / "x.param")
    part = against.for_artifact(replace(here, target=Target("a76", "cortex-a76", most)))
    assert part.samples == tuple(against.samples[place] for place in taken)
    assert part.reference.names == tuple(sample.name for sample in part.samples)
    np.testing.assert_array_equal(part.reference.logits, against.reference.logits[taken])
    assert part.part_of == (3 if len(taken) < 3 else None) and part.identity == against.identity
    assert against.for_artifact(here) is against


@pytest.mark.parametrize("place", [2, 3])
def test_a_file_that_is_none_is_named(files, place):
    files[place].write_bytes(b"{}")
    with pytest.raises(ZooError, match=files[place].name):
        ReferenceSet.read(*files)


def test_a_set_that_is_missing_is_named(files):
    with pytest.raises(ZooError, match="nowhere"):
        ReferenceSet.read(files[0] | {"path": "nowhere"}, *files[1:])


@pytest.fixture
def judged(tmp_path):
    """The held-out half of some photographs, and what the small network in fp32 answered."""
    (tmp_path / "photos").mkdir()
    photos(tmp_path / "photos", 8)
    images = ImageSet("photos", tmp_path / "photos")
    held_out = CalibrationSet.of(images).held_out
    reference(small_network(), held_out, tmp_path).save(tmp_path / "reference.npz")
    card().write(tmp_path / "card.json")
    values = {"name": "photos", "path": str(tmp_path / "photos")}
    return SearchImages.read(values, tmp_path / "card.json", tmp_path / "reference.npz", 28.9)


def test_the_same_images_and_answers_give_the_same_figure(judged, tmp_path):
    coarse = artifact(*pair(to_bf16(small_network()), tmp_path, "coarse"), name="int8")
    found = judged.closeness(coarse, threads=1)
    computed, _ = run(coarse, judged.samples, FEED, threads=1)
    assert found.images == len(judged.samples) == 2
    assert found.sqnr_db == pytest.approx(sqnr_db(judged.reference.outputs[0], computed[0]))
    assert 20 < found.sqnr_db < 60 and found.searched_db == 28.9


def test_fp32_itself_has_no_noise(judged, tmp_path):
    same = artifact(*pair(small_network(), tmp_path))
    assert judged.closeness(same, threads=1).sqnr_db == MAX_DB
