"""What artifacts are held to, as it is read from files."""

import pytest

from samples.artifacts import FEED, photos, reference
from samples.cards import card
from samples.ncnn import small_network
from zoo.errors import ZooError
from zoo.measure.reference_set import ReferenceSet


@pytest.fixture
def files(tmp_path):
    """Three images, the card and the reference outputs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    samples = photos(folder)
    card().write(tmp_path / "small.json")
    reference(small_network(), samples, tmp_path).save(tmp_path / "reference.npz")
    return {"name": "photos", "path": str(folder)}, tmp_path / "small.json", tmp_path / "reference.npz"


def test_a_set_is_read_with_what_feeds_it_and_what_is_right(files):
    against = ReferenceSet.read(*files)
    assert (against.name, against.feed) == ("photos", FEED)
    assert tuple(sample.name for sample in against.samples) == against.reference.names


@pytest.mark.parametrize("place", [1, 2])
def test_a_file_that_is_none_is_named(files, place):
    files[place].write_bytes(b"{}")
    with pytest.raises(ZooError, match=files[place].name):
        ReferenceSet.read(*files)


def test_a_set_that_is_missing_is_named(files):
    with pytest.raises(ZooError, match="nowhere"):
        ReferenceSet.read(files[0] | {"path": "nowhere"}, *files[1:])
