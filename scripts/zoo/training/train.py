"""Training and fine-tuning of a classifier on images, with timm's optimizers, schedules and augmentation.

Deterministic on a CPU: the same specification, images and number of threads give the same bits on the same
machine, also when the training was interrupted and went on from its checkpoint.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import CLASSIFICATION
from zoo.config.training.images import is_packaged, parts, training_classes, with_classes
from zoo.config.training.recipe import TrainingRecipe
from zoo.config.weights_source import Training
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.images.sets import Sample, fingerprint, left_out, samples
from zoo.models.architecture import build, naming
from zoo.models.card import default_task, licence
from zoo.models.traits import feed_of, outputs_of
from zoo.models.weights import fetch_start
from zoo.training.checkpoint import Checkpoint
from zoo.training.fit import Images, fit
from zoo.training.loader import Augmented, Plain, own_randomness
from zoo.training.machine import Machine


def train(
    spec: ModelSpec,
    folder: Path,
    machine: Machine | None = None,
    checkpoint: Path | None = None,
    code: str = "",
) -> tuple[nn.Module, dict[str, Any]]:
    """The model trained on the class folders in `folder`, in eval mode on the CPU, and its weights' origin.

    checkpoint: a file that is written after each epoch. If it is of the same training, so are its epochs: the
    training goes on from there, and one that was finished is not repeated.
    code: a hash of the code that trains, which must be the same for that, too.

    The origin is as `zoo.models.weights.fetch` returns it, with the numbers of images and classes, what lay
    among the images and was left out, the split, the recipe, what was fine-tuned, and the loss and the held-
    out accuracy of the last epoch. Held-out images decide nothing: the last epoch's weights are taken, so
    that they can judge.

    Raises ZooError naming the model if the images are missing, too few or unreadable, the model has another
    number of classes, what it starts from does not fit, or the training diverges.
    """
    with naming(spec), own_randomness():
        return _train(spec, folder, machine or Machine(), checkpoint, code)


def _train(
    spec: ModelSpec, folder: Path, machine: Machine, checkpoint: Path | None, code: str
) -> tuple[nn.Module, dict[str, Any]]:
    weights, recipe = spec.weights, spec.weights.recipe
    training = weights.training or Training()
    image_sets = parts(weights, folder)
    train_samples, held_out = map(samples, image_sets)
    classes = _classes(spec, folder, train_samples, recipe)
    spec = with_classes(spec, classes)
    model, start = _start(spec, training)
    record = _record(spec, model, classes, folder)
    augmented = Augmented(train_samples, record, recipe, weights.seed)
    key = _key(spec, recipe, start, [fingerprint(each) for each in image_sets], code)
    with machine.deterministic():
        model, outcome = fit(
            model,
            Images(augmented, Plain(held_out, record), record, classes),
            recipe,
            seed=weights.seed,
            machine=machine,
            checkpoint=None if checkpoint is None else Checkpoint(checkpoint, key, recipe.epochs),
            title=f"train {spec.name}",
        )
    return model.cpu().eval().requires_grad_(False), {
        "kind": "train",
        "location": weights.location,
        "seed": weights.seed,
        "classes": classes,
        "images": len(train_samples),
        "held_out_images": len(held_out),
        "split_seed": training.split_seed,
        "recipe": asdict(recipe),
        "start": start,
        **({"left_out": others} if (others := left_out(image_sets[0]).to_dict()) else {}),
        **outcome,
    }


def _classes(spec: ModelSpec, folder: Path, train_samples: Sequence[Sample], recipe: TrainingRecipe) -> int:
    """How many classes there are. Raises ZooError unless they are the data set's, with images for a batch."""
    weights = spec.weights
    classes = 1 + max(sample.label or 0 for sample in train_samples)
    names = training_classes(weights) if is_packaged(weights) else None
    if names is not None and len(names) != classes:
        raise ZooError(f"{folder} has {classes} classes and {weights.location} has {len(names)}")
    if len(train_samples) < recipe.batch:
        raise ZooError(
            f"{folder} has {len(train_samples)} images to train on, fewer than the {recipe.batch} of a "
            "batch; add images or set a smaller batch"
        )
    return classes


def _start(spec: ModelSpec, training: Training) -> tuple[nn.Module, dict[str, Any] | None]:
    if training.start is None:
        return build(spec, spec.weights.seed), None
    model, source = fetch_start(spec, training.start)
    return model.requires_grad_(True), source | {"licence": licence(spec, training.start)}


def _record(spec: ModelSpec, model: nn.Module, classes: int, folder: Path) -> Preprocess:
    """How images are prepared. Raises ZooError unless the model takes one and tells so many classes."""
    feed = feed_of(spec)
    outputs = outputs_of(model, feed)
    if len(feed.inputs) != 1 or default_task(spec, outputs) != CLASSIFICATION:
        raise ZooError(
            "only a classifier of images can be trained; this model's outputs have the shapes "
            f"{', '.join(str(list(shape)) for shape in outputs.values())}"
        )
    (told,) = next(iter(outputs.values()))
    if told != classes:
        raise ZooError(
            f"{folder} has {classes} classes and the model {told}; set args: {{num_classes: {classes}}}"
        )
    return feed.record


def _key(spec: ModelSpec, recipe: TrainingRecipe, start: object, images: list[str], code: str) -> str:
    """Decides whether a checkpoint is of this training."""
    versions = [torch.__version__, timm.__version__, code]
    own = {key: value for key, value in spec.to_dict().items() if key not in ("name", "licence", "labels")}
    settings = json.dumps([own, asdict(recipe), start, images, versions], sort_keys=True)
    return hashlib.sha256(settings.encode()).hexdigest()
