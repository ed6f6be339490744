"""Batches: decoded, augmented, and the same whatever decodes them."""

import numpy as np
import pytest
import torch
from PIL import Image

from samples.training import GENTLE, SHORT, spec, write_bars
from zoo.config.training.recipe import TrainingRecipe
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.images.sets import ImageSet, Sample, samples
from zoo.images.splits import Split
from zoo.models.traits import preprocess_record
from zoo.training.loader import Augmented, Plain, Shuffled, batches, draw, own_randomness, training_loader
from zoo.training.machine import Machine
from zoo.training.train import train

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of forty pictures, of which eight each are held out."""
    return write_bars(tmp_path_factory.mktemp("bars"))


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


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("part", ["train", "test"])
def test_an_unreadable_image_is_named_in_one_sentence(tmp_path, part, threads):
    folder = write_bars(tmp_path, count=20)
    broken = samples(ImageSet("bars", folder, labels=True, split=Split(part)))[0].path
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(ZooError, match="cannot be read as an image") as error:
        train(spec(folder, SHORT), folder, Machine(threads))
    assert str(error.value).startswith(f"tiny: {broken}") and "Traceback" not in str(error.value)
