"""The images of a training: their parts, what these serve, and their classes."""

from pathlib import Path

import pytest

from zoo.config.model_spec import ModelSpec
from zoo.config.training.images import is_packaged, parts, purpose_set, training_classes, with_classes
from zoo.config.weights_source import Training, WeightsSource
from zoo.errors import ZooError
from zoo.images.splits import Split

DIGITS = WeightsSource("train", "digits", training=Training())
PLANTS = WeightsSource("train", "plants", training=Training(held_out=0.1, split_seed=4))


def test_parts_are_split_as_the_training_says():
    train, test = parts(PLANTS, Path("plants"))
    assert (train.name, train.split) == ("plants (train)", Split("train", 0.1, 4))
    assert (test.name, test.split) == ("plants (test)", Split("test", 0.1, 4))
    assert train.labels and train.path == Path("plants")


@pytest.mark.parametrize(
    ("purpose", "part", "images"),
    [("calibration", "train", 200), ("verification", "test", 100), ("evaluation", "test", None)],
)
def test_what_was_trained_on_calibrates_and_what_was_held_out_judges(
    purpose: str, part: str, images: int | None
):
    chosen = purpose_set(DIGITS, Path("made"), purpose)
    assert chosen.split and chosen.split.part == part
    assert chosen.images == images and chosen.fewer


def test_classes_are_those_of_the_data_set_or_of_the_folders(tmp_path: Path):
    assert is_packaged(DIGITS) and not is_packaged(PLANTS)
    assert training_classes(DIGITS) == list("0123456789")
    for name in ("oak", "elm"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").touch()
    assert training_classes(WeightsSource("train", str(tmp_path))) == ["elm", "oak"]
    with pytest.raises(ZooError):
        training_classes(WeightsSource("train", str(tmp_path / "none")))


def test_a_named_architecture_gets_the_classes_unless_it_says_how_many():
    assert with_classes(ModelSpec("m", "timm", "resnet18"), 7).args == {"num_classes": 7}
    assert with_classes(ModelSpec("m", "timm", "resnet18", {"num_classes": 9}), 7).args == {"num_classes": 9}
    assert with_classes(ModelSpec("m", "module", "nets:a"), 7).args == {}
