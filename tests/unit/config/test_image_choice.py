"""Which images serve a model for what."""

from pathlib import Path

import pytest

from zoo.config.image_choice import images_for, training_dataset, training_folder
from zoo.config.zoo import Zoo
from zoo.errors import ZooError
from zoo.images.sets import Crops, ImageSet
from zoo.images.splits import Split

SETS = {
    "photos": {"path": "photos", "crops": True, "labels": True, "classes": "names.txt"},
    "test": {"dataset": "digits", "split": "test", "labels": True},
    "shipped": {"path": "calib/natural", "crops": {"smallest": 0.7}},
}
DEFAULTS = {
    "calibration": {"set": "photos", "images": 8, "seed": 3},
    "verification": {"set": "test"},
    "evaluation": {"set": "shipped", "images": 5},
}


def zoo(model: dict | None = None, home: Path = Path(), **config) -> Zoo:
    entry = {"timm": "resnet18"} | (model or {})
    return Zoo.of({"image_sets": SETS, "defaults": DEFAULTS, "models": {"mine": entry}} | config, home)


def test_the_zoos_choice_serves_models_without_one():
    chosen = images_for(zoo(), "mine", "calibration")
    expected = ImageSet("photos", Path("photos"), 8, 3, Crops(), True, Path("names.txt"))
    assert (chosen.images, chosen.dataset) == (expected, ())
    assert ImageSet.from_dict(chosen.values) == expected


def test_a_models_choice_is_taken_whole():
    images = images_for(zoo({"calibration": {"set": "shipped"}}), "mine", "calibration").images
    assert (images.name, images.images, images.seed) == ("shipped", None, 0)


def test_a_choice_may_be_a_path_and_is_called_by_its_end():
    choice = {"path": "/data/imagenet/val", "labels": True, "images": 5000}
    images = images_for(zoo({"evaluation": choice}), "mine", "evaluation").images
    assert images == ImageSet("imagenet/val", Path("/data/imagenet/val"), 5000, labels=True)


def test_a_packaged_data_set_is_an_input():
    chosen = images_for(zoo(), "mine", "verification")
    assert chosen.dataset == ("results/datasets/digits",)
    expected = ImageSet("test", Path("results/datasets/digits"), labels=True, split=Split("test"))
    assert chosen.images == expected


def test_images_of_a_training_serve_it_unless_it_chooses_others():
    trained = zoo({"weights": {"train": "digits"}, "calibration": {"set": "photos"}})
    assert images_for(trained, "mine", "calibration").images.name == "photos"
    chosen = images_for(trained, "mine", "verification")
    assert chosen.images.name == "digits (test)" and chosen.images.split == Split("test")
    assert chosen.dataset == ("results/datasets/digits",)


@pytest.mark.parametrize(
    ("weights", "folder", "dataset"),
    [
        ({"train": "digits"}, "results/datasets/digits", ("results/datasets/digits",)),
        ({"train": "/data/plants"}, "/data/plants", ()),
    ],
)
def test_only_packaged_images_of_a_training_are_made(weights: dict, folder: str, dataset: tuple):
    model = zoo({"weights": weights}).models["mine"]
    assert (training_folder(model), training_dataset(model)) == (folder, dataset)


def test_images_that_ship_are_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home, here = tmp_path / "ncnn-zoo", tmp_path / "here"
    (home / "calib/natural").mkdir(parents=True)
    (home / "photos").mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    elsewhere = zoo(home=home)
    assert images_for(elsewhere, "mine", "evaluation").images.path == home / "calib/natural"
    assert images_for(elsewhere, "mine", "calibration").images.path == Path("photos"), (
        "the user's, though absent"
    )
    (here / "calib/natural").mkdir(parents=True)
    assert images_for(elsewhere, "mine", "evaluation").images.path == Path("calib/natural")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"defaults": {}}, "mine: no calibration images are chosen; choose some for all models"),
        (
            {
                "image_sets": {"photos": {"path": "a", "crops": {"smallest": 2}}},
                "defaults": {"calibration": {"set": "photos"}},
            },
            "0 < smallest <= largest",
        ),
    ],
)
def test_a_choice_that_cannot_be_made_is_explained(config: dict, message: str):
    with pytest.raises(ZooError, match=message):
        images_for(zoo(**config), "mine", "calibration")
