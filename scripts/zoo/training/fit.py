"""The loop of a training."""

import logging
import time
from dataclasses import dataclass
from typing import Any

import torch
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from zoo.config.training.recipe import TrainingRecipe
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.training.batch_transform import BatchTransform
from zoo.training.checkpoint import Checkpoint, Outcome
from zoo.training.learner import Learner
from zoo.training.loader import (
    Augmented,
    Plain,
    Shuffled,
    batches,
    draw,
    naming_dead_readers,
    plain_loader,
    training_loader,
)
from zoo.training.machine import Machine

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Images:
    """What a model is trained on, and what it never sees."""

    train: Augmented
    held_out: Plain
    record: Preprocess
    classes: int


def fit(
    model: nn.Module,
    images: Images,
    recipe: TrainingRecipe,
    *,
    seed: int,
    machine: Machine,
    checkpoint: Checkpoint | None = None,
    title: str = "train",
) -> tuple[nn.Module, Outcome]:
    """The trained model, or the moving average of it, and the loss and held-out accuracy of the last epoch.

    checkpoint: written after each epoch; the training goes on from it. title: of the progress bar.
    Raises ZooError for an unknown optimizer, an image that cannot be read, when a process that reads images
    ends, and when the training diverges.
    """
    order = Shuffled(len(images.train), recipe.batch, seed)
    learner = Learner.of(model, recipe, machine, steps=len(order))
    transform = BatchTransform.of(recipe, images.record, classes=images.classes, device=machine.device)
    criterion = _criterion(recipe)
    loader = training_loader(images.train, order, machine.workers, machine.pins_memory)
    held_out = plain_loader(images.held_out, recipe.batch, machine.workers, machine.pins_memory)
    first, outcome = checkpoint.resume(learner, device=machine.device) if checkpoint else (0, {})
    with naming_dead_readers(), _progress(title, first, recipe.epochs, len(order)) as progress:
        for epoch in range(first, recipe.epochs):
            begun, rate = time.perf_counter(), learner.learning_rate
            order.epoch = epoch
            learner.model.train()
            total = torch.zeros((), device=machine.device)
            for step, batch in enumerate(batches(loader), epoch * len(order)):
                draw(seed, "step", step)
                inputs, targets = transform.augment(batch)
                with machine.autocast():
                    loss = criterion(_logits(learner.model(inputs)), targets)
                learner.update(loss, step + 1)
                total += loss.detach()
                progress.update()
            _check_finite(learner.learned, total, recipe, epoch)
            mean = float(total) / len(order)
            top1 = held_out_top1(learner.learned, held_out, transform, machine)
            outcome = {"loss": round(mean, 4), "held_out_top1": round(top1, 4)}
            progress.set_postfix(loss=f"{mean:.3f}", held_out=f"{top1:.1%}")
            _log.info(
                f"epoch {epoch + 1} of {recipe.epochs}: loss {mean:.4f}, held-out top-1 {100 * top1:.1f} %, "
                f"learning rate {rate:.2e}, {time.perf_counter() - begun:.1f} s"
            )
            if checkpoint is not None:
                checkpoint.save(learner, outcome, epoch + 1)
    return learner.learned, outcome


@torch.inference_mode()
def held_out_top1(
    model: nn.Module, loader: DataLoader[Any], transform: BatchTransform, machine: Machine
) -> float:
    """The share of the loader's images, as the finished model will see them, that are told right."""
    model.eval()
    right, count = torch.zeros((), device=machine.device), 0
    for batch in batches(loader):
        inputs, labels = transform.normalize(batch)
        with machine.autocast():
            right += (_logits(model(inputs)).argmax(dim=1) == labels).sum()
        count += len(labels)
    return float(right) / count


def _criterion(recipe: TrainingRecipe) -> nn.Module:
    """Mixing smooths the labels already."""
    mixes = recipe.mixup or recipe.cutmix
    loss: nn.Module = (
        SoftTargetCrossEntropy() if mixes else LabelSmoothingCrossEntropy(recipe.label_smoothing)
    )
    return loss


def _progress(title: str, first: int, epochs: int, steps: int) -> "tqdm[Any]":
    return tqdm(
        desc=title, unit="batch", initial=first * steps, total=epochs * steps, disable=None, leave=False
    )


def _check_finite(model: nn.Module, loss: torch.Tensor, recipe: TrainingRecipe, epoch: int) -> None:
    weights = torch.stack([torch.isfinite(each).all() for each in model.state_dict().values()])
    if not torch.isfinite(loss) or not weights.all():
        raise ZooError(
            f"the training diverged in epoch {epoch + 1}; set a smaller learning_rate than "
            f"{recipe.learning_rate}, or more warmup_epochs"
        )


def _logits(output: Any) -> torch.Tensor:
    """The classifier's output; torchvision's Inception and GoogLeNet give auxiliary ones beside it."""
    logits = getattr(output, "logits", output)
    if not isinstance(logits, torch.Tensor):
        raise ZooError(f"only classifiers can be trained, and this model gives a {type(output).__name__}")
    return logits
