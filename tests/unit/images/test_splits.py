from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.images.files import ModelClasses
from zoo.images.sets import ImageSet, fingerprint, samples
from zoo.images.splits import Split, class_names, split_entries


def fill(folder: Path, **classes: int) -> Path:
    """Class folders with so many empty image files each: splits look at names only."""
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            (folder / name / f"{index:03}.jpg").touch()
    return folder


def names(folder: Path, part: str, **options) -> list[str]:
    return [entry.name for entry in split_entries(folder, Split(part, **options))]


def test_the_parts_make_the_whole_and_share_nothing(tmp_path):
    fill(tmp_path, fern=50, moss=11, oak=2)
    train, test = names(tmp_path, "train"), names(tmp_path, "test")
    assert sorted(train + test) == sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jpg"))
    held_out = {name: sum(each.startswith(name) for each in test) for name in ("fern", "moss", "oak")}
    assert held_out == {"fern": 10, "moss": 2, "oak": 1}


def test_hidden_folders_are_neither_a_class_nor_a_part(tmp_path):
    """As Jupyter leaves them: in a class called train, they do not make it a folder of classes."""
    fill(tmp_path, train=4, test=4)
    for place in ("", "train", "test"):
        fill(tmp_path / place, **{".ipynb_checkpoints": 2})
    assert class_names(tmp_path) == ["test", "train"]
    assert sorted(names(tmp_path, "train") + names(tmp_path, "test")) == sorted(
        f"{folder}/{index:03}.jpg" for folder in ("train", "test") for index in range(4)
    )


def test_the_draw_is_the_same_wherever_the_folder_is_and_another_with_another_seed(tmp_path):
    here, there = fill(tmp_path / "here", a=40, b=40), fill(tmp_path / "there", a=40, b=40)
    assert names(here, "test") == names(there, "test") != names(here, "test", seed=1)
    indices = [int(name[2:5]) for name in names(here, "test")]
    assert min(indices) < 10 and max(indices) > 29, "a draw, not one end of the list"
    assert len(names(here, "test", held_out=0.5)) == 40


def test_an_added_image_moves_at_most_one_other(tmp_path):
    fill(tmp_path, a=40, b=40)
    before = set(names(tmp_path, "test"))
    (tmp_path / "a" / "new.jpg").touch()
    assert len(before - set(names(tmp_path, "test"))) <= 1


@pytest.mark.parametrize("held_out", ["test", "val", "validation"])
def test_a_folder_that_is_split_already_is_taken_as_it_is(tmp_path, held_out):
    fill(tmp_path / "train", a=3, b=3, c=3)
    fill(tmp_path / held_out, a=1, c=2)
    assert class_names(tmp_path) == ["a", "b", "c"]
    assert names(tmp_path, "train")[0] == "a/000.jpg" and len(names(tmp_path, "train")) == 9
    held_out_set = ImageSet("plants", tmp_path, labels=True, split=Split("test"))
    labels = [sample.label for sample in samples(held_out_set)]
    assert labels == [0, 2, 2], "the classes are those of the training part"
    model = ModelClasses(3, (("c", "b", "a"),))
    assert [sample.label for sample in samples(held_out_set, model)] == [2, 0, 0]


def test_train_and_test_may_be_classes(tmp_path):
    fill(tmp_path, train=5, test=5)
    assert class_names(tmp_path) == ["test", "train"]
    assert len(names(tmp_path, "test")) == 2


def test_an_image_set_can_be_a_part(tmp_path):
    fill(tmp_path, a=10, b=10)
    whole = ImageSet("plants", tmp_path, labels=True, split=Split("test"))
    assert ImageSet.from_dict(whole.to_dict()) == whole
    assert ImageSet.from_dict({"name": "plants", "path": tmp_path, "labels": True, "split": "test"}) == whole
    assert [sample.label for sample in samples(whole)] == [0, 0, 1, 1]
    train = ImageSet("plants", tmp_path, labels=True, split=Split("train"))
    assert fingerprint(train) != fingerprint(whole)
    few = ImageSet("plants", tmp_path, images=3, fewer=True, labels=True, split=Split("test"))
    many = ImageSet("plants", tmp_path, images=300, fewer=True, labels=True, split=Split("test"))
    assert len(samples(few)) == 3 and len(samples(many)) == 4


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ZooError, match="none: there is no such folder"):
        class_names(tmp_path / "none")
    (tmp_path / "0.jpg").touch()
    with pytest.raises(ZooError, match="has no class folders; put the images of each class in a folder"):
        class_names(tmp_path)
    fill(tmp_path / "single", a=4)
    with pytest.raises(ZooError, match="has a single class, a; a classifier needs"):
        class_names(tmp_path / "single")
    fill(tmp_path / "lonely", a=4, b=1)
    with pytest.raises(ZooError, match=r"the class b has a single image \(.*b/000.jpg\)"):
        split_entries(tmp_path / "lonely", Split("train"))
    fill(tmp_path / "apart" / "train", a=2, b=2)
    fill(tmp_path / "apart" / "val", a=2, z=2)
    with pytest.raises(ZooError, match=r"val has the class z, which .*train lacks"):
        split_entries(tmp_path / "apart", Split("test"))
    with pytest.raises(ZooError, match="held_out must lie between 0 and 1, not 1"):
        Split("train", 1.0)
    with pytest.raises(ZooError, match="split must be train or test, not 'val'"):
        Split("val")
