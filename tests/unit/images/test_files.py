"""Which output of a model a label stands for."""

from pathlib import Path

import pytest
from PIL import Image

from zoo.errors import ZooError
from zoo.images.files import ModelClasses
from zoo.images.sets import ImageSet, fingerprint, samples

SYNSETS = tuple(f"n0000000{index}" for index in range(8))
EIGHT = ModelClasses(8, (SYNSETS, ("ant", "bee", "cat", "crane", "dog", "eel", "crane", "gnu")))


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / name)


def write_list(folder: Path, text: str) -> Path:
    path = folder / "list.txt"
    path.write_text(text)
    return path


def labels_of(tmp_path: Path, *files: str, model: ModelClasses = EIGHT, **options) -> dict[str, int | None]:
    fill(tmp_path / "set", *files)
    image_set = ImageSet("set", tmp_path / "set", labels=True, **options)
    return {sample.name: sample.label for sample in samples(image_set, model)}


@pytest.mark.parametrize(
    "folders",
    [
        {"n00000005": 5, "n00000001": 1},  # some of the WordNet ids
        {"dog": 4, "bee": 1},  # some of the labels
        {"7": 7, "003": 3, "0": 0},  # indices
        dict(zip("hgfedcba", reversed(range(8)), strict=True)),  # foreign, and as many as the model has
    ],
    ids=["wordnet", "labels", "indices", "order"],
)
def test_folders_stand_for_the_models_classes(tmp_path: Path, folders: dict[str, int]) -> None:
    found = labels_of(tmp_path, *(f"val/{folder}/x.png" for folder in folders))
    assert found == {f"val/{folder}/x.png": label for folder, label in folders.items()}


def test_names_that_look_like_numbers_are_names_first(tmp_path: Path) -> None:
    model = ModelClasses(3, (("5", "7", "9"),))
    assert labels_of(tmp_path, "9/x.png", "5/y.png", model=model) == {"9/x.png": 2, "5/y.png": 0}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["n00000001/x.png", "junk/y.png"], "are of 2 classes, the model has 8, and 'junk' is none of them"),
        (["yak/x.png", "zebra/y.png"], "'yak' is none of them by name or number; rename it"),
        (["dog/x.png", "crane/y.png"], "'crane' is none"),  # there are two
        (["3/x.png", "8/y.png"], r"labels go up to 8, the model has 8 classes \(0 to 7\)"),
    ],
    ids=["stray", "foreign", "ambiguous", "beyond"],
)
def test_folders_that_do_not_match_the_model_are_refused(
    tmp_path: Path, files: list[str], message: str
) -> None:
    with pytest.raises(ZooError, match=f"image set set: .*{message}"):
        labels_of(tmp_path, *files)


def test_a_list_may_use_the_models_names_or_indices(tmp_path: Path) -> None:
    fill(tmp_path, "x.png", "y.png")
    for text, expected in (("x.png\tn00000002\ny.png\tn00000000", [2, 0]), ("x.png\t6\ny.png\t0", [6, 0])):
        listing = ImageSet("s", write_list(tmp_path, text), labels=True)
        assert [sample.label for sample in samples(listing, EIGHT)] == expected
    for text, message in (("x.png\t8\ny.png\t0", "go up to 8"), ("x.png\tyak\ny.png\t0", "'yak' is none")):
        with pytest.raises(ZooError, match=message):
            samples(ImageSet("s", write_list(tmp_path, text), labels=True), EIGHT)


def test_a_class_map_must_fit_the_model_too(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("\n".join(f"k{index}" for index in range(9)))
    with pytest.raises(ZooError, match="labels go up to 8, the model has 8 classes"):
        labels_of(tmp_path, "k1/x.png", "k8/y.png", classes=tmp_path / "classes.txt")


def test_labels_for_a_model_without_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="the model has no classes"):
        labels_of(tmp_path, "a/x.png", model=ModelClasses(0))


def test_another_label_is_another_fingerprint(tmp_path: Path) -> None:
    fill(tmp_path, "x.png", "y.png")
    prints = []
    for text in ("x.png\tcat\ny.png\tdog", "x.png\tcat\ny.png\tcow", "x.png\tcat\ny.png\tcat"):
        prints.append(fingerprint(ImageSet("s", write_list(tmp_path, text), labels=True)))
    assert len(set(prints)) == 3
