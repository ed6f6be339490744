from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.errors import ZooError
from zoo.files import sha256
from zoo.model_card import model_card
from zoo.spec import ModelSpec
from zoo.state_dict import save
from zoo.training import Recipe, train

torch.set_num_threads(1)

QUICK = Recipe(epochs=6, warmup_epochs=1, batch=16, learning_rate=5e-3)


def spec(seed=0, classes=2):
    args = {"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16], "patch_size": 2, "ls_init_value": 0.1}
    return ModelSpec.from_config(
        "tiny",
        {
            "timm": "convnext_atto",
            "args": {**args, "num_classes": classes},
            "weights": {"train": "digits", "seed": seed},
            "preprocess": {"size": [32, 32], "crop_pct": 1.0, "mean": [0.5] * 3, "std": [0.5] * 3},
        },
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of 32 noisy 8x8 images: a horizontal and a vertical bar. The test split is unreadable."""
    folder = tmp_path_factory.mktemp("bars")
    random = np.random.default_rng(0)
    for label in (0, 1):
        (folder / "train" / str(label)).mkdir(parents=True)
        (folder / "test" / str(label)).mkdir(parents=True)
        (folder / "test" / str(label) / "0.png").write_bytes(b"never read")
        for index in range(32):
            pixels = random.integers(0, 100, (8, 8), dtype=np.uint8)
            pixels[(slice(3, 5), slice(None)) if label else (slice(None), slice(3, 5))] += 120
            Image.fromarray(pixels).save(folder / "train" / str(label) / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    return train(spec(), folder, QUICK)


def bars(count=16):
    """Bars that were not trained on, normalized: (N, 3, 32, 32), and their labels."""
    images = torch.full((2 * count, 3, 32, 32), -0.6)
    images[:count, :, :, 12:20] = 0.5
    images[count:, :, 12:20, :] = 0.5
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(1)) * 0.4
    return images + noise, torch.tensor([0] * count + [1] * count)


def test_training_learns(trained):
    model, source = trained
    images, labels = bars()
    with torch.no_grad():
        assert (model(images).argmax(dim=1) == labels).float().mean() >= 0.9
    assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())
    assert source["loss"] < np.log(2)


def test_the_origin_is_recorded_for_the_card(trained):
    model, source = trained
    assert source["kind"] == "train" and source["location"] == "digits" and source["seed"] == 0
    assert source["images"] == 64 and source["recipe"]["epochs"] == QUICK.epochs
    card = model_card(spec(), model, source, "0" * 64)
    assert card["random"] is False and card["licence"] == "CC-BY-4.0" and card["input"] == [3, 32, 32]
    assert card["labels"] is None  # digits has ten classes, this model two


def test_a_model_of_ten_classes_is_labelled_with_the_digits():
    from zoo.architecture import create

    card = model_card(spec(classes=10), create(spec(classes=10)), {}, "0" * 64)
    assert card["labels"] == list("0123456789")


def test_training_twice_gives_the_same_bytes_whatever_torch_was_set_to(folder, trained, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(123)
    try:
        again, source = train(spec(), folder, QUICK)
        assert torch.get_num_threads() == 2 and not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(before)
    save(trained[0], tmp_path / "a.safetensors")
    save(again, tmp_path / "b.safetensors")
    assert sha256(tmp_path / "a.safetensors") == sha256(tmp_path / "b.safetensors")
    assert source == trained[1]


def test_another_seed_gives_another_model(folder, trained, tmp_path):
    other, _ = train(spec(seed=1), folder, QUICK)
    assert not torch.equal(other.head.fc.weight, trained[0].head.fc.weight)


@pytest.mark.parametrize("field", ["shift", "scale", "rotation"])
def test_each_augmentation_has_an_effect(folder, field):
    plain = Recipe(epochs=1, warmup_epochs=0, batch=32, shift=0.0, scale=0.0, rotation=0.0)
    without, _ = train(spec(), folder, plain)
    augmented, _ = train(spec(), folder, replace(plain, **{field: getattr(QUICK, field)}))
    assert not torch.equal(without.head.fc.weight, augmented.head.fc.weight)


def test_mistakes_are_named(folder, tmp_path):
    with pytest.raises(
        ZooError, match=r"^tiny: .* has 2 classes and the model 10; set args: \{num_classes: 2\}"
    ):
        train(spec(classes=10), folder, QUICK)
    with pytest.raises(ZooError, match=r"^tiny: image set train: .*none"):
        train(spec(), tmp_path / "none", QUICK)
    with pytest.raises(ZooError, match=r"^tiny: the training diverged"):
        train(spec(), folder, replace(QUICK, epochs=2, warmup_epochs=0, learning_rate=1e30))
    with pytest.raises(ZooError, match=r"^tiny: .* has 64 images, fewer than the 65 of a batch"):
        train(spec(), folder, replace(QUICK, batch=65))
