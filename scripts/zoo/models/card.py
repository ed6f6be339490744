"""The model card: all that later jobs, which do not import torch, know of a model and its weights."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import CLASSIFICATION, LOGITS, MULTILABEL, OTHER, ModelCard, Output
from zoo.config.training.images import is_packaged, training_classes
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError
from zoo.images.datasets import DATASETS
from zoo.images.text import read_names
from zoo.models.architecture import naming
from zoo.models.checkpoint import find_package, package_licence
from zoo.models.ending import Ending
from zoo.models.libraries import Traits, is_one_vector, library
from zoo.models.traits import traits_of


def describe(spec: ModelSpec, model: nn.Module, source: Mapping[str, Any], sha256: str) -> ModelCard:
    """The card of a module. See `card_of`.

    Raises ZooError naming the model for a preprocessing override that makes no sense, a model that does not
    take the inputs that are declared, or a label file that is missing or does not have one line per class.
    """
    with naming(spec):
        return card_of(spec, traits_of(spec, model), source, sha256)


def card_of(spec: ModelSpec, traits: Traits, source: Mapping[str, Any], sha256: str) -> ModelCard:
    """The card from what is known of a model.

    source: as `zoo.models.weights.fetch` returns it. sha256: digest of the saved file of weights. Raises
    ZooError, without naming the model, for a label file that does not fit, a classifier that is none, and an
    output that is not what the configuration says.
    """
    task = spec.task or default_task(spec, traits.outputs)
    output, by = output_of(spec, task, traits.ending)
    described = ModelCard(
        name=spec.name,
        library=spec.library,
        architecture=spec.architecture,
        args=spec.args,
        source=source,
        random=spec.weights.random,
        sha256=sha256,
        licence=licence(spec),
        task=task,
        parameters=traits.parameters,
        multiply_adds=traits.multiply_adds,
        inputs=traits.feed.inputs,
        outputs=tuple(Output(name, tuple(shape)) for name, shape in traits.outputs.items()),
        preprocess=traits.feed.record,
        labels=None,
        class_ids=None,
        output=output,
        output_by=by,
    )
    names, folders = (of(spec, described.num_classes) for of in (labels, class_ids))
    return replace(
        described,
        labels=None if names is None else tuple(names),
        class_ids=None if folders is None else tuple(folders),
    )


def default_task(spec: ModelSpec, outputs: Mapping[str, Sequence[int]]) -> str:
    """What a model is for where the configuration does not say: what its library's models are for, else one
    vector of two or more numbers is taken for class scores."""
    if (own := library(spec).task(spec)) is not None:
        return own
    if not is_one_vector(outputs):
        return OTHER
    if list(*outputs.values()) == [1]:
        logging.info("its output is a single number, so task: %s; config.yaml may say otherwise", OTHER)
        return OTHER
    return CLASSIFICATION


def output_of(spec: ModelSpec, task: str, found: Ending | None) -> tuple[str | None, str | None]:
    """What a classifier's numbers are, and what tells so: the configuration, or its ending; None for others.

    Raises ZooError if the configuration speaks of a model that is no classifier, of scores from 0 to 1 where
    the model gives others, or of logits of labels where it gives scores.
    """
    if task != CLASSIFICATION:
        if spec.output is not None:
            raise ZooError(f"output is for task: {CLASSIFICATION}, and this model's task is {task}")
        return None, None
    if spec.output is None:
        return (None, None) if found is None else (found.kind, found.by)
    raw = spec.output in (LOGITS, MULTILABEL)
    if spec.output == MULTILABEL and found is not None and found.kind != LOGITS:
        raise ZooError(
            f"output: {MULTILABEL} has a sigmoid put behind each number, and this model gives scores "
            f"already, by {found.by}; say output: {found.kind}"
        )
    if not raw and found is not None and not found.between_0_and_1:
        raise ZooError(
            f"output: {spec.output} lies between 0 and 1, and this model gave values from {found.least:.4g} "
            f"to {found.largest:.4g} for random inputs; say output: {LOGITS} if a softmax makes "
            f"probabilities of them, output: {MULTILABEL} if each gets a sigmoid, or task: {OTHER}"
        )
    return spec.output, "config.yaml"


def licence(spec: ModelSpec, start: WeightsSource | None = None) -> str:
    """The configuration's word, else the source's own: the library's record for its hub, the package's
    metadata, the data set's; "unknown" where the source says nothing, as for a local file or images.

    start: ask of these weights instead, which the configuration's word does not mean.
    """
    weights = start or spec.weights
    said = None if start else spec.licence
    if said is None and weights.kind == "hub" and weights.location is None:
        said = library(spec).licence(spec)
    elif said is None and weights.kind == "package":
        said = package_licence(find_package(str(weights.location)))
    elif said is None and weights.kind == "train" and is_packaged(weights):
        said = DATASETS[str(weights.location)].licence
    return said or "unknown"


def labels(spec: ModelSpec, classes: int | None) -> list[str] | None:
    """Class names in the order of the outputs: from the configured file, the images trained on, or the
    library's where there are as many. None if they are unknown or the weights random."""
    if spec.labels is not None:
        return _from_file(Path(spec.labels), classes)
    if spec.weights.kind == "train":
        names = training_classes(spec.weights)
        return names if len(names) == classes else None
    pretrained = None if spec.weights.random else library(spec).labels(spec)
    return pretrained if pretrained and len(pretrained) == classes else None


def class_ids(spec: ModelSpec, classes: int | None) -> list[str] | None:
    """The names of class folders in the order of the outputs: of those trained on, or else ImageNet-1k's
    WordNet ids; None for a model of another number of classes."""
    if spec.weights.kind == "train":
        names = training_classes(spec.weights)
        return names if len(names) == classes else None
    from timm.data import ImageNetInfo

    ids = list(ImageNetInfo().label_names())
    return ids if len(ids) == classes else None


def _from_file(path: Path, classes: int | None) -> list[str]:
    try:
        names = read_names(path, "the file")
    except ZooError as error:
        raise ZooError(f"labels: {error}") from error
    if classes is not None and len(names) != classes:
        hint = (
            f"; its first line is {names[0]!r}, which may not be a class" if len(names) == classes + 1 else ""
        )
        raise ZooError(f"labels: {path} has {len(names)} lines and the model {classes} classes{hint}")
    return names
