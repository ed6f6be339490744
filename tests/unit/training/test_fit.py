"""The loop of a training, on a model of a few numbers."""

import os
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.data import get_worker_info

from samples.training import GENTLE, write_bars
from zoo.config.training.recipe import TrainingRecipe
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.images.sets import ImageSet, samples
from zoo.images.splits import Split
from zoo.training.batch_transform import BatchTransform
from zoo.training.checkpoint import Checkpoint
from zoo.training.fit import Images, fit, held_out_top1
from zoo.training.loader import Augmented, Plain, own_randomness, plain_loader
from zoo.training.machine import Machine

RECORD = Preprocess((8, 8), 1.0, mean=(0.5,) * 3, std=(0.5,) * 3)
RECIPE = TrainingRecipe.of(
    {
        "epochs": 2,
        "warmup_epochs": 0,
        "batch": 8,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "augment": GENTLE,
    }
)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Images:
    folder = write_bars(tmp_path_factory.mktemp("bars"), count=10)
    train, test = (
        samples(ImageSet(part, folder, labels=True, split=Split(part))) for part in ("train", "test")
    )
    return Images(Augmented(train, RECORD, RECIPE, seed=0), Plain(test, RECORD), RECORD, 2)


def linear() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))


def fitted(images: Images, model: nn.Module, **options):
    with own_randomness():
        return fit(model, images, RECIPE, seed=0, machine=Machine(), **options)


def test_the_loop_goes_through_all_epochs(images, caplog):
    caplog.set_level("INFO", "zoo.training")
    model, outcome = fitted(images, linear())
    assert [record.message.split(":")[0] for record in caplog.records] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert outcome["loss"] > 0 and 0 <= outcome["held_out_top1"] <= 1
    again, same = fitted(images, linear())
    assert torch.equal(model[1].weight, again[1].weight) and same == outcome


def test_each_epoch_is_kept_and_none_is_done_twice(images, tmp_path, caplog):
    checkpoint = Checkpoint(tmp_path / "a.training", "key", RECIPE.epochs)
    model, outcome = fitted(images, linear(), checkpoint=checkpoint)
    caplog.set_level("INFO", "zoo.training")
    again, same = fitted(images, linear(), checkpoint=checkpoint)
    assert [record.message for record in caplog.records] == ["going on after epoch 2 of 2"]
    assert torch.equal(model[1].weight, again[1].weight) and same == outcome


def test_the_share_of_held_out_images_that_are_told_right(images):
    class First(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[1.0, 0.0]]).expand(len(x), 2)

    transform = BatchTransform.of(RECIPE, RECORD, classes=2, device="cpu")
    loader = plain_loader(images.held_out, 3, 0, False)
    assert held_out_top1(First(), loader, transform, Machine()) == 0.5, "half of them are of the first class"


def test_a_training_that_diverges_says_what_to_set(images):
    broken = linear()
    with torch.no_grad():
        broken[1].weight[0, 0] = torch.inf
    with pytest.raises(ZooError, match=r"diverged in epoch 1; set a smaller learning_rate than 0\.01"):
        fitted(images, broken)


def test_only_a_tensor_of_logits_can_be_trained(images):
    class Pair(nn.Sequential):
        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [super().forward(x)]

    with pytest.raises(ZooError, match="only classifiers can be trained, and this model gives a list"):
        fitted(images, Pair(*linear()))


class Deadly(Plain):
    """It ends the process that reads it, if that is none of the test's own."""

    def __getitem__(self, index: int):
        if get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


def test_the_end_of_a_process_that_reads_images_is_a_sentence(images, monkeypatch):
    monkeypatch.setattr(Machine, "workers", 1)
    deadly = replace(images, held_out=Deadly(images.held_out._samples, RECORD))
    with pytest.raises(
        ZooError, match=r"a process that reads the images ended \(DataLoader worker"
    ) as caught:
        fitted(deadly, linear())
    assert "Run again" in str(caught.value)
