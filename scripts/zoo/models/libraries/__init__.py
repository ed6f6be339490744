"""Where architectures come from: one module a library, each with the functions of `Library`."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.config.weights_source import WeightsSource
from zoo.errors import require_extra
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.models.ending import Ending

Tensors = Mapping[str, torch.Tensor]
"""A state dict."""


@dataclass(frozen=True)
class Traits:
    """What a model takes, returns and costs."""

    feed: Feed
    outputs: Mapping[str, Sequence[int]]
    """The shape of each, without the batch, by name."""
    parameters: int
    multiply_adds: int | None
    """Of one run; None where nobody counted."""
    ending: Ending | None = None
    """What the output is, if it is one vector."""
    changes: tuple[str, ...] = ()
    """What the model differs in from the file that holds it, a sentence each."""


def is_one_vector(outputs: Mapping[str, Sequence[int]]) -> bool:
    """Whether outputs, by their shapes without the batch, are one vector."""
    return [len(shape) for shape in outputs.values()] == [1]


class Library(Protocol):
    """What every module of this package answers, beside its row in `zoo.config.libraries`.

    All raise ZooError, without naming the model, for an architecture or a tag that the library does not have.
    """

    def build(self, spec: ModelSpec, seed: int, **options: Any) -> nn.Module:
        """The model, its weights initialized from torch's generator, which the caller seeds with `seed`.

        options: further arguments for what builds it.
        """

    def preprocess(self, spec: ModelSpec) -> Preprocess:
        """The library's own record, or the defaults where it has none."""

    def pretrained(self, spec: ModelSpec) -> WeightsSource:
        """Where the library keeps the weights of the tag, as a source of kind hub or url with a location.

        Raises ZooError if there are none.
        """

    def licence(self, spec: ModelSpec) -> str | None:
        """The licence of those weights, None where the library does not say."""

    def labels(self, spec: ModelSpec) -> list[str] | None:
        """Class names in the order of the outputs of those weights, None where nobody knows."""

    def task(self, spec: ModelSpec) -> str | None:
        """What all models of the library are for; None where the outputs tell."""

    def channels(self, spec: ModelSpec) -> int | None:
        """The channels that the specification's arguments give the model's image; None if they are silent."""

    def own_part(self, tensors: Tensors) -> Tensors:
        """Of the tensors of a weight file, those that are the model's, under the model's names."""

    def loader_options(self, model: nn.Module, path: Path) -> dict[str, Any] | None:
        """The options with which `build` fills a model like `model` from a weight file of foreign names.

        None if the library has no such loader.
        """

    def traits(self, spec: ModelSpec, record: Preprocess) -> Traits | None:
        """What the file of the architecture says of itself; None where the torch module is to be asked."""


_EXTRAS = {"open_clip": "clip"}
"""A library that not everybody has -> the extra of the package that brings it."""


def library(spec: ModelSpec) -> Library:
    """The module of a specification's library. Raises ZooError if it is one that is not installed."""
    if spec.library in _EXTRAS:
        require_extra(f"a model of {spec.library}", _EXTRAS[spec.library], spec.library)
    return cast(Library, importlib.import_module(f"zoo.models.libraries.{spec.library}_models"))
