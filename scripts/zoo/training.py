"""A short, deterministic training of a small classifier on an image folder's `train` split.

It gives the zoo a model with true labels that needs no model hub, in about a minute of one core.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from zoo.architecture import build, naming
from zoo.errors import ZooError
from zoo.image_sets import ImageSet, samples
from zoo.images import load
from zoo.inputs import Feed
from zoo.model_card import preprocess_record
from zoo.preprocess import Preprocess
from zoo.spec import ModelSpec

THREADS = 1
"""Fixed, because the order of a sum depends on it. Layers this small gain little from a second thread, and
lose far more when another job wants the core: the threads wait for each other spinning."""


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of a training."""

    epochs: int = 30
    warmup_epochs: int = 3
    batch: int = 32
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    shift: float = 0.1
    """Largest shift of an image, as a fraction of its edge."""
    scale: float = 0.1
    """Largest change of an image's scale, as a fraction."""
    rotation: float = 10.0
    """Largest rotation of an image, in degrees."""


def train(spec: ModelSpec, folder: Path, recipe: Recipe | None = None) -> tuple[nn.Module, dict[str, Any]]:
    """A model trained on `folder/train`, one folder a class, in eval mode, and the origin of its weights.

    The same specification, images and recipe give the same bits on the same machine. Nothing else in `folder`
    is read. The origin is as `zoo.weights.fetch` returns it, with the recipe and the loss of the last epoch.

    Raises ZooError naming the model if the images are missing or unreadable, the model has another number
    of classes, or the training diverges.
    """
    with naming(spec):
        return _train(spec, folder, recipe or Recipe())


def _train(spec: ModelSpec, folder: Path, recipe: Recipe) -> tuple[nn.Module, dict[str, Any]]:
    record = preprocess_record(spec)
    images, labels = _read(folder / "train", record)
    model = build(spec, spec.weights.seed)
    classes = int(labels.max()) + 1
    if model.num_classes != classes:
        raise ZooError(
            f"{folder} has {classes} classes and the model {model.num_classes}; "
            f"set args: {{num_classes: {classes}}}"
        )
    if len(images) < recipe.batch:
        raise ZooError(f"{folder} has {len(images)} images, fewer than the {recipe.batch} of a batch")
    with _deterministic():
        loss = _fit(model, images, labels, recipe, spec.weights.seed)
    if not np.isfinite(loss):
        raise ZooError("the training diverged; try another seed or a smaller model")
    return model.eval().requires_grad_(False), {
        "kind": "train",
        "location": spec.weights.location,
        "seed": spec.weights.seed,
        "images": len(images),
        "loss": round(loss, 4),
        "recipe": asdict(recipe),
    }


def _read(folder: Path, record: Preprocess) -> tuple[torch.Tensor, torch.Tensor]:
    """All images (NCHW, float32, normalized) and their labels (int64)."""
    listed = samples(ImageSet(folder.name, folder, labels=True))
    inputs = [pixels for _, (pixels,) in load(listed, Feed.image(record))]
    return torch.from_numpy(np.stack(inputs)), torch.tensor([sample.label for sample in listed])


def _fit(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, recipe: Recipe, seed: int) -> float:
    """Train in place; returns the mean loss of the last epoch."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = create_optimizer_v2(
        model, opt=recipe.optimizer, lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    scheduler, epochs = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=recipe.epochs,
        warmup_epochs=recipe.warmup_epochs,
        warmup_prefix=False,
        warmup_lr=recipe.learning_rate / 100,
        min_lr=recipe.learning_rate / 100,
        step_on_epochs=False,
        updates_per_epoch=len(images) // recipe.batch,
    )
    updates, total = 0, 0.0
    model.train()
    progress = tqdm(range(epochs), "training", unit="epoch", disable=None, leave=False)
    for _ in progress:
        order = torch.randperm(len(images), generator=generator)
        batches = order[: len(order) // recipe.batch * recipe.batch].view(-1, recipe.batch)
        total = 0.0
        for batch in batches:
            output = model(_augmented(images[batch], recipe, generator))
            loss = functional.cross_entropy(output, labels[batch], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            updates += 1
            scheduler.step_update(updates)
            total += loss.item()
        progress.set_postfix(loss=f"{total / len(batches):.3f}")
    return total / len(batches)


def _augmented(images: torch.Tensor, recipe: Recipe, generator: torch.Generator) -> torch.Tensor:
    """Each image (NCHW) shifted, scaled and rotated by its own draw, its border continued."""
    turn, zoom, right, down = 2 * torch.rand(4, len(images), generator=generator) - 1
    angle = torch.deg2rad(recipe.rotation * turn)
    factor = 1 + recipe.scale * zoom
    cosine, sine = factor * angle.cos(), factor * angle.sin()
    # affine_grid's coordinates run from -1 to 1 over the image, so a shift counts twice
    rows = [cosine, -sine, 2 * recipe.shift * right, sine, cosine, 2 * recipe.shift * down]
    matrices = torch.stack(rows, dim=1).view(-1, 2, 3)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


@contextmanager
def _deterministic() -> Iterator[None]:
    threads, before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.set_num_threads(threads)
