"""Batches for a training: images decoded and augmented by timm's transforms as they are needed.

Every random draw is made from a seed of its own (`draw`): of an image's epoch and index, or of a step. So
neither the number of worker processes nor an interruption changes a training.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timm.data import create_transform
from torch.utils.data import DataLoader, Dataset, default_collate

from zoo.config.training.recipe import TrainingRecipe
from zoo.errors import ZooError
from zoo.images.decode import pixels
from zoo.images.preprocess import Preprocess, prepare_uint8
from zoo.images.sets import Sample
from zoo.jobs.lifeline import end_with_parent

Batch = tuple[torch.Tensor, torch.Tensor]
"""Pixels, uint8 (N, channels, height, width), and labels, int64 (N)."""
Key = tuple[int, int]
"""An epoch and the index of an image."""


def draw(*place: int | str) -> None:
    """Seed Python's, numpy's and torch's generators from a place in the training.

    Not by `torch.manual_seed`: where CUDA is not in use it notes a traceback each time, which takes 7 ms.
    """
    seed = _seed(*place)
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed(seed)


def _seed(*place: int | str) -> int:
    return int.from_bytes(hashlib.blake2b(repr(place).encode(), digest_size=7).digest(), "big")


@contextmanager
def own_randomness() -> Iterator[None]:
    """Leave all three generators as they were."""
    state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)


def augmentation(recipe: TrainingRecipe, record: Preprocess) -> Any:
    """timm's training transform, up to the normalization: from an RGB image to uint8 CHW.

    Raises ZooError for arguments that timm refuses, and for a model of four channels.
    """
    if record.channels == "RGBA":
        raise ZooError("timm augments RGB images, and this model takes RGBA")
    colours = 3 // len(record.mean)  # gray is augmented as RGB
    try:
        return create_transform(
            **{
                "input_size": (3, *record.size),
                "is_training": True,
                "interpolation": record.interpolation,
                "mean": record.mean * colours,
                "std": record.std * colours,
                "use_prefetcher": True,  # leaves the normalization, and random erasing, to whoever fetches
                **{key: value for key, value in recipe.augment.items() if not key.startswith("re_")},
            }
        )
    except (TypeError, ValueError, AssertionError, KeyError, RuntimeError) as error:
        raise ZooError(f"timm refuses augment: {recipe.augment}: {error or type(error).__name__}") from error


class Augmented(Dataset[Any]):
    """Samples as the training sees them, by epoch and index; a ZooError stands for an unreadable one."""

    def __init__(self, samples: Sequence[Sample], record: Preprocess, recipe: TrainingRecipe, seed: int):
        self._samples, self._record, self._seed = samples, record, seed
        self._transform = augmentation(recipe, record)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, key: Key) -> tuple[torch.Tensor, int] | ZooError:
        sample = self._samples[key[1]]
        try:
            image = pixels(sample)
        except ZooError as error:
            return error
        draw(self._seed, "image", *key)
        gray = self._record.channels == "GRAY"
        tensor: torch.Tensor = self._transform(image.convert("L").convert("RGB") if gray else image)
        if gray:
            tensor = tensor[:1]
        return (tensor.flip(0) if self._record.channels == "BGR" else tensor), _label(sample)


class Plain(Dataset[Any]):
    """Samples as the finished model will see them."""

    def __init__(self, samples: Sequence[Sample], record: Preprocess):
        self._samples, self._record = samples, record

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int] | ZooError:
        sample = self._samples[index]
        try:
            prepared: NDArray[np.uint8] = prepare_uint8(pixels(sample), self._record)
        except ZooError as error:
            return error
        return torch.from_numpy(prepared.transpose(2, 0, 1).copy()), _label(sample)


class Shuffled:
    """The full batches of an epoch, in an order of its own; the images left over sit it out."""

    def __init__(self, images: int, batch: int, seed: int):
        self._images, self._batch, self._seed = images, batch, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self._images // self._batch

    def __iter__(self) -> Iterator[list[Key]]:
        epoch = self.epoch
        generator = torch.Generator().manual_seed(_seed(self._seed, "order", epoch))
        order = torch.randperm(self._images, generator=generator)[: len(self) * self._batch]
        for batch in order.view(-1, self._batch).tolist():
            yield [(epoch, index) for index in batch]


def training_loader(dataset: Augmented, order: Shuffled, workers: int, pin: bool) -> "DataLoader[Any]":
    """The batches of the epoch that `order` is set to, decoded ahead by `workers` processes, or by none."""
    return _loader(dataset, workers, pin, batch_sampler=order)


def plain_loader(dataset: Plain, batch: int, workers: int, pin: bool) -> "DataLoader[Any]":
    """All images in order."""
    return _loader(dataset, workers, pin, batch_size=batch)


def _loader(dataset: Augmented | Plain, workers: int, pin: bool, **batching: Any) -> "DataLoader[Any]":
    return DataLoader(
        dataset,
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=_collate,
        pin_memory=pin,
        generator=torch.Generator(),
        worker_init_fn=end_with_parent,  # torch's own look for their parent every five seconds
        **batching,
    )


def batches(loader: "DataLoader[Any]") -> Iterator[Batch]:
    """The loader's batches. Raises ZooError naming the file when one comes that cannot be read."""
    for batch in loader:
        if isinstance(batch, ZooError):
            raise batch
        images, labels = batch
        yield images, labels


@contextmanager
def naming_dead_readers() -> Iterator[None]:
    """Raises ZooError in place of torch's RuntimeError, which comes wherever the block is just then, when a
    process that decodes images ends."""
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise ZooError(
            f"a process that reads the images ended ({str(error).partition(';')[0]}); was memory short? Run "
            "again, with fewer threads if so: the training goes on after its last whole epoch"
        ) from error


def _collate(items: list[tuple[torch.Tensor, int] | ZooError]) -> Any:
    # An error that a worker raises would come with the worker's traceback in its text.
    return next((item for item in items if isinstance(item, ZooError)), None) or default_collate(items)


def _label(sample: Sample) -> int:
    assert sample.label is not None
    return sample.label
