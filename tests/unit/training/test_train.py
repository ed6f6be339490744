"""Training and fine-tuning as a whole."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from samples.training import QUICK, SHORT, digest, spec, write_bars
from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.images.sets import ImageSet, samples
from zoo.images.splits import Split
from zoo.jobs.files import sha256
from zoo.models.card import describe
from zoo.models.state_dict import save
from zoo.models.traits import preprocess_record
from zoo.models.weights import fetch
from zoo.training.loader import Plain
from zoo.training.train import train

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of forty pictures, of which eight each are held out."""
    return write_bars(tmp_path_factory.mktemp("bars"))


@pytest.fixture(scope="module")
def trained(folder):
    return train(spec(folder), folder)


def test_training_learns_what_was_held_out(folder, trained):
    model, source = trained
    assert source["held_out_top1"] >= 0.9 and source["loss"] < np.log(2)
    assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())
    held_out = Plain(
        samples(ImageSet("test", folder, labels=True, split=Split("test"))), preprocess_record(spec(folder))
    )
    images, labels = (torch.stack([torch.as_tensor(each[i]) for each in held_out]) for i in (0, 1))
    with torch.no_grad():
        right = model(images.float() / 127.5 - 1).argmax(dim=1) == labels
    assert round(float(right.float().mean()), 4) == source["held_out_top1"]


def test_the_origin_is_recorded_for_the_card(folder, trained):
    model, source = trained
    expected = {"kind": "train", "location": str(folder), "seed": 0, "classes": 2, "images": 64}
    assert expected.items() <= source.items()
    assert source["held_out_images"] == 16 and source["split_seed"] == 0 and source["start"] is None
    assert source["recipe"]["epochs"] == 6 and source["recipe"]["augment"]["scale"] == [0.8, 1.0]
    card = describe(spec(folder), model, source, "0" * 64)
    assert card.random is False and card.licence == "unknown" and card.input == (3, 32, 32)
    assert card.labels == ("pole", "shelf")


def test_digits_are_a_training_with_a_recipe_of_its_own():
    digits = spec("digits", {}, classes=10)
    assert digits.weights.recipe.augment["hflip"] == 0
    assert spec("digits", {"epochs": 40, "augment": {"hflip": 0.5}}).weights.recipe.augment["hflip"] == 0.5
    from zoo.models.architecture import create

    card = describe(digits, create(digits), {}, "0" * 64)
    assert card.labels == tuple("0123456789") and card.licence == "CC-BY-4.0"


def test_training_twice_gives_the_same_bytes_whatever_was_set_before(folder, trained, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(123)
    state = torch.get_rng_state()
    try:
        again, source = train(spec(folder), folder)
        assert torch.get_num_threads() == 2 and not torch.are_deterministic_algorithms_enabled()
        assert torch.equal(torch.get_rng_state(), state)
    finally:
        torch.set_num_threads(before)
    assert digest(again, tmp_path) == digest(trained[0], tmp_path)
    assert source == trained[1]


def test_another_seed_gives_another_model(folder, trained):
    other, _ = train(spec(folder, seed=1), folder)
    assert not torch.equal(other.head.fc.weight, trained[0].head.fc.weight)


def test_fine_tuning_takes_over_everything_but_the_classes(folder, trained, tmp_path):
    model, _ = trained
    save(model, tmp_path / "start.safetensors")
    three = write_bars(tmp_path / "three", classes=3)
    start = {"from": {"file": str(tmp_path / "start.safetensors")}}
    still = SHORT | {"optimizer": "sgd", "learning_rate": 1e-12, "weight_decay": 0.0} | start
    tuned, source = train(spec(three, still, classes=None), three)
    assert tuned.num_classes == 3
    assert source["start"]["fresh"] == ["head.fc.weight", "head.fc.bias"]
    assert source["start"]["sha256"] == sha256(tmp_path / "start.safetensors")
    for name, tensor in model.state_dict().items():
        if name not in source["start"]["fresh"]:
            torch.testing.assert_close(tuned.state_dict()[name], tensor, atol=1e-5, rtol=0)
    _, source = train(spec(three, QUICK | start, classes=None), three)
    assert source["held_out_top1"] >= 0.9
    same, source = train(spec(folder, still), folder)
    assert source["start"]["fresh"] == []
    torch.testing.assert_close(same.head.fc.weight, model.head.fc.weight, atol=1e-5, rtol=0)


def test_other_libraries_are_trained_and_fine_tuned_too(folder, tmp_path):
    def other(images, train, **entry):
        preprocess = {"size": [32, 32], "crop_pct": 1.0}
        weights = {"train": {"images": str(images), **SHORT, "epochs": 1, "warmup_epochs": 0, **train}}
        return ModelSpec.from_config("tiny", {"weights": weights, "preprocess": preprocess, **entry})

    model, _ = train(other(folder, {}, torchvision="squeezenet1_1"), folder)
    save(model, tmp_path / "start.safetensors")
    three = write_bars(tmp_path / "three", classes=3)
    start = {"from": {"file": str(tmp_path / "start.safetensors")}}
    _, source = train(other(three, start, torchvision="squeezenet1_1"), three)
    assert source["start"]["fresh"] == ["classifier.1.weight", "classifier.1.bias"]
    own = other(folder, {}, module="samples.training:own_net", args={"classes": 2})
    assert train(own, folder)[1]["classes"] == 2
    with pytest.raises(ZooError, match=r"^tiny: .* has 3 classes and the model 2"):
        train(other(three, {}, module="samples.training:own_net", args={"classes": 2}), three)
    with pytest.raises(ZooError, match=r"^tiny: only a classifier of images can be trained"):
        train(other(folder, {}, module="samples.training:own_net", args={"classes": 2, "pool": 2}), folder)


def test_what_is_fine_tuned_must_fit(folder, trained, tmp_path):
    save(trained[0], tmp_path / "start.safetensors")
    wider = spec(folder, SHORT | {"from": {"file": str(tmp_path / "start.safetensors")}})
    wider = replace(wider, args=wider.args | {"dims": [8, 8, 16, 24]})
    with pytest.raises(ZooError, match=r"^tiny: start.safetensors does not fit timm's convnext_atto"):
        train(wider, folder)


def test_a_tag_means_its_weights_are_fine_tuned(folder):
    def entry(timm, train):
        return ModelSpec.from_config("m", {"timm": timm, "weights": {"train": train}})

    tagged = entry("convnext_atto.d2_in1k", str(folder))
    assert tagged.weights.training.start.kind == "hub" and tagged.weights.remote
    assert tagged.weights.recipe.epochs == 20
    plain = entry("convnext_atto", str(folder))
    assert plain.weights.training.start is None and not plain.weights.remote
    assert plain.weights.recipe.epochs == 100
    assert entry("convnext_atto", {"images": "x", "from": "hub"}).weights.training.start.kind == "hub"
    random = entry("convnext_atto.d2_in1k", {"images": "x", "from": {"random": 1}})
    assert random.weights.training.start.random and random.weights.recipe.epochs == 100
    for each in (tagged, random):
        assert ModelSpec.from_dict(each.to_dict()) == each


def test_mistakes_are_named(folder, tmp_path):
    def fails(said, images=folder, **options):
        with pytest.raises(ZooError, match=f"^tiny: {said}"):
            train(spec(images, **options), Path(images))

    fails(r".* has 2 classes and the model 10; set args: \{num_classes: 2\}", classes=10)
    fails(r"image set .*none.*: there is no such folder", tmp_path / "none")
    fails(
        r"the training diverged in epoch 1; set a smaller learning_rate",
        settings=QUICK | {"learning_rate": 1e30, "clip": 0, "warmup_epochs": 0},
    )
    fails(r".* has 64 images to train on, fewer than the 65 of a batch", settings=QUICK | {"batch": 65})
    fails(r"timm has no such optimizer: adamant", settings=QUICK | {"optimizer": "adamant"})
    fails(r"timm refuses augment: .*shear", settings=QUICK | {"augment": {"shear": 1}})


def test_trained_weights_are_not_fetched(folder):
    with pytest.raises(ZooError, match=r"its weights are trained on .*, not fetched"):
        fetch(spec(folder))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epoch": 3}, "training: unknown epoch; known are epochs, warmup_epochs, batch"),
        ({"epochs": 0}, "training: epochs must be a whole number from 1, not 0"),
        ({"epochs": 5, "warmup_epochs": 5}, "warmup_epochs must be fewer than epochs, not 5 of 5"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"label_smoothing": 2}, "label_smoothing must be a number from 0 to 1, not 2"),
        ({"schedule": "plateau"}, "schedule must be one of cosine, tanh, poly, constant"),
        ({"batch": 9, "mixup": 0.1}, "pair the images of a batch, so 9 is odd"),
        ({"held_out": 1.5}, "held_out must lie between 0 and 1, not 1.5"),
        ({"from": {"train": "digits"}}, "training starts from weights that are fetched, not trained"),
        ({"from": {"random": 0, "url": "x"}}, "weights come from one source"),
    ],
)
def test_settings_are_checked_when_the_configuration_is_read(settings, said):
    with pytest.raises(ZooError, match=f"^tiny: .*{said}"):
        spec("somewhere", settings)


def test_images_must_be_named():
    with pytest.raises(ZooError, match=r"^m: say which images to train on"):
        ModelSpec.from_config("m", {"timm": "resnet18", "weights": {"train": {"epochs": 3}}})
