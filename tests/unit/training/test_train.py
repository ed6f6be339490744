import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.config.model_spec import ModelSpec
from zoo.config.training_recipe import TrainingRecipe
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.images.sets import ImageSet, Sample, samples
from zoo.images.splits import Split
from zoo.jobs.files import sha256
from zoo.models.card import describe, preprocess_record
from zoo.models.state_dict import save
from zoo.models.weights import fetch
from zoo.training import fit as training_module
from zoo.training.fit import Machine
from zoo.training.loader import Augmented, Plain, Shuffled, batches, draw, own_randomness, training_loader
from zoo.training.train import recipe_of, train

torch.set_num_threads(1)

GENTLE = {"scale": [0.8, 1.0], "hflip": 0.0, "auto_augment": None, "color_jitter": None, "re_prob": 0.0}
QUICK = {"epochs": 6, "warmup_epochs": 1, "batch": 16, "learning_rate": 5e-3, "augment": GENTLE}
SHORT = QUICK | {"epochs": 2}


def spec(images, settings=QUICK, seed=0, classes=2, name="tiny", **entry):
    args = {"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16], "patch_size": 2, "ls_init_value": 0.1}
    return ModelSpec.from_config(
        name,
        {
            "timm": "convnext_atto",
            "args": args | ({} if classes is None else {"num_classes": classes}),
            "weights": {"train": {"images": str(images), **settings}, "seed": seed},
            "preprocess": {"size": [32, 32], "crop_pct": 1.0, "mean": [0.5] * 3, "std": [0.5] * 3},
            **entry,
        },
    )


def bar(label, random):
    """A noisy 8x8 picture of an upright (0), lying (1) or square (2) bar."""
    pixels = random.integers(0, 100, (8, 8), dtype=np.uint8)
    where = [(slice(None), slice(3, 5)), (slice(3, 5), slice(None)), (slice(2, 6), slice(2, 6))]
    pixels[where[label]] += 120
    return Image.fromarray(pixels)


def write_bars(folder, classes=2, count=40):
    random = np.random.default_rng(0)
    for label, name in enumerate(("pole", "shelf", "window")[:classes]):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            bar(label, random).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of forty pictures, of which eight each are held out."""
    return write_bars(tmp_path_factory.mktemp("bars"))


@pytest.fixture(scope="module")
def trained(folder):
    return train(spec(folder), folder)


def digest(model, folder):
    save(model, folder / "digest.safetensors")
    return sha256(folder / "digest.safetensors")


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
    assert recipe_of(digits).augment["hflip"] == 0
    assert recipe_of(spec("digits", {"epochs": 40, "augment": {"hflip": 0.5}})).augment["hflip"] == 0.5
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


RESTLESS = SHORT | {
    "epochs": 3,
    "ema": 0.9,
    "mixup": 0.2,
    "cutmix": 0.5,
    "layer_decay": 0.8,
    "augment": {"auto_augment": "rand-m5-mstd0.5", "re_prob": 0.5, "re_mode": "pixel"},
}
"""Everything that draws or remembers something."""


def test_an_interrupted_training_goes_on_and_gives_the_same_bits(folder, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "zoo.training")
    restless = spec(folder, RESTLESS)
    restless = replace(restless, args=restless.args | {"drop_path_rate": 0.3, "drop_rate": 0.2})
    whole, source = train(restless, folder)
    checkpoint = tmp_path / "tiny.training"
    judge, judged = training_module.Fit._top1, []

    def interrupted(fit, loader):
        judged.append(loader)
        if len(judged) == 2:
            raise KeyboardInterrupt
        return judge(fit, loader)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training_module.Fit, "_top1", interrupted)
        train(restless, folder, checkpoint=checkpoint)
    assert torch.load(checkpoint, weights_only=True)["epochs"] == 1
    resumed, resumed_source = train(restless, folder, checkpoint=checkpoint)
    assert "going on after epoch 1 of 3" in caplog.text
    assert digest(resumed, tmp_path) == digest(whole, tmp_path) and resumed_source == source
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
    caplog.clear()
    again, again_source = train(restless, folder, checkpoint=checkpoint)
    assert "epoch 3 of 3: loss" not in caplog.text, "nothing is left to train"
    assert digest(again, tmp_path) == digest(whole, tmp_path) and again_source == source
    assert "optimizer" not in torch.load(checkpoint, weights_only=True)


def test_a_checkpoint_of_something_else_is_left_alone(folder, tmp_path, caplog):
    caplog.set_level(logging.INFO, "zoo.training")
    checkpoint = tmp_path / "tiny.training"
    train(spec(folder, SHORT), folder, checkpoint=checkpoint)
    other, _ = train(spec(folder, SHORT | {"learning_rate": 4e-3}), folder, checkpoint=checkpoint)
    assert "of other images or settings: the training starts anew" in caplog.text
    assert digest(other, tmp_path) == digest(
        train(spec(folder, SHORT | {"learning_rate": 4e-3}), folder)[0], tmp_path
    )
    caplog.clear()
    train(spec(folder, SHORT, licence="MIT"), folder, checkpoint=checkpoint)
    assert "anew" in caplog.text
    train(spec(folder, SHORT), folder, checkpoint=checkpoint)
    assert "going on after epoch 2 of 2" in caplog.text, "a licence changes no weights"
    caplog.clear()
    train(spec(folder, SHORT), folder, checkpoint=checkpoint, code="edited")
    assert "anew" in caplog.text
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    train(spec(folder, SHORT), folder, checkpoint=checkpoint)
    assert "cannot be read" in caplog.text


def test_batches_do_not_depend_on_the_number_of_workers(folder):
    chosen = samples(ImageSet("train", folder, labels=True, split=Split("train")))
    recipe = TrainingRecipe.of({"augment": {"auto_augment": "rand-m9-mstd0.5"}})
    dataset = Augmented(chosen, preprocess_record(spec(folder)), recipe, seed=0)
    passes = []
    for workers in (0, 2):
        order = Shuffled(len(dataset), 16, seed=0)
        loader = training_loader(dataset, order, workers, pin=False)
        epochs = []
        for order.epoch in (0, 1):
            with own_randomness():
                epochs.append(torch.cat([images for images, _ in batches(loader)]))
        passes.append(epochs)
    assert passes[0][0].dtype == torch.uint8 and passes[0][0].shape == (64, 3, 32, 32)
    assert all(torch.equal(one, other) for one, other in zip(*passes, strict=True))
    assert not torch.equal(passes[0][0], passes[0][1]), "each epoch has an order and augmentation of its own"


def test_every_image_is_seen_once_an_epoch():
    order = Shuffled(50, 16, seed=3)
    seen = [index for batch in order for _, index in batch]
    assert len(order) == 3 and len(set(seen)) == 48 and seen != sorted(seen)


def test_a_place_decides_what_is_drawn():
    with own_randomness():
        draw(0, "image", 1, 2)
        first = torch.rand(3), np.random.rand(3)
        torch.rand(5)
        draw(0, "image", 1, 2)
        again = torch.rand(3), np.random.rand(3)
        draw(0, "image", 2, 1)
        other = torch.rand(3)
    assert torch.equal(first[0], again[0]) and (first[1] == again[1]).all()
    assert not torch.equal(first[0], other)


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "lamb"},
        {"optimizer": "sgd", "schedule": "poly"},
        {"ema": 0.5},
        {"mixup": 0.4},
        {"cutmix": 1.0},
        {"label_smoothing": 0.0},
        {"augment": {**GENTLE, "auto_augment": "augmix-m5-w4-d2"}},
        {"augment": {**GENTLE, "re_prob": 1.0}},
    ],
    ids=str,
)
def test_each_setting_has_an_effect(folder, short, change):
    model, source = train(spec(folder, SHORT | change), folder)
    assert not torch.equal(model.head.fc.weight, short.head.fc.weight)
    assert source["loss"] > 0


@pytest.fixture(scope="module")
def short(folder):
    return train(spec(folder, SHORT), folder)[0]


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_mixed_precision_learns_too(folder, monkeypatch, half):
    """As on a GPU, but with the CPU's own autocast: the weights stay float32."""
    monkeypatch.setattr(Machine, "half", property(lambda machine: half))
    model, source = train(spec(folder), folder)
    assert source["held_out_top1"] >= 0.9
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


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
    own = other(folder, {}, module=f"{__name__}:own_net", args={"classes": 2})
    assert train(own, folder)[1]["classes"] == 2
    with pytest.raises(ZooError, match=r"^tiny: .* has 3 classes and the model 2"):
        train(other(three, {}, module=f"{__name__}:own_net", args={"classes": 2}), three)
    with pytest.raises(ZooError, match=r"^tiny: only a classifier of images can be trained"):
        train(other(folder, {}, module=f"{__name__}:own_net", args={"classes": 2, "pool": 2}), folder)


def own_net(classes, pool=1):
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(pool),
        torch.nn.Conv2d(8, classes, 1),
        torch.nn.Flatten() if pool == 1 else torch.nn.Identity(),
    )


@pytest.mark.parametrize("channels", ["GRAY", "BGR"])
def test_channels_come_as_the_network_expects_them(folder, channels):
    count = 1 if channels == "GRAY" else 3
    record = Preprocess((32, 32), 1.0, mean=(0.5,) * count, std=(0.5,) * count, channels=channels)
    red = folder.parent / f"red-{channels}.png"
    Image.new("RGB", (40, 40), (200, 40, 0)).save(red)
    recipe = TrainingRecipe.of({"augment": GENTLE})
    augmented, _ = Augmented([Sample("red", red, label=0)], record, recipe, seed=0)[0, 0]
    plain, _ = Plain([Sample("red", red, label=0)], record)[0]
    assert augmented.shape == plain.shape == (count, 32, 32)
    assert torch.equal(augmented, plain), "a uniform picture looks the same from everywhere"
    with pytest.raises(ZooError, match="this model takes RGBA"):
        Augmented([], Preprocess(mean=(0.5,) * 4, std=(0.5,) * 4, channels="RGBA"), recipe, seed=0)


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
    assert recipe_of(tagged).epochs == 20
    plain = entry("convnext_atto", str(folder))
    assert plain.weights.training.start is None and not plain.weights.remote
    assert recipe_of(plain).epochs == 100
    assert entry("convnext_atto", {"images": "x", "from": "hub"}).weights.training.start.kind == "hub"
    random = entry("convnext_atto.d2_in1k", {"images": "x", "from": {"random": 1}})
    assert random.weights.training.start.random and recipe_of(random).epochs == 100
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


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("part", ["train", "test"])
def test_an_unreadable_image_is_named_in_one_sentence(tmp_path, part, threads):
    folder = write_bars(tmp_path, count=20)
    broken = samples(ImageSet("bars", folder, labels=True, split=Split(part)))[0].path
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(ZooError, match="cannot be read as an image") as error:
        train(spec(folder, SHORT), folder, Machine(threads))
    assert str(error.value).startswith(f"tiny: {broken}") and "Traceback" not in str(error.value)


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


def test_trained_weights_are_not_fetched(folder):
    with pytest.raises(ZooError, match=r"its weights are trained on .*, not fetched"):
        fetch(spec(folder))
