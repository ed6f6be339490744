"""From a file that pnnx reads to an ncnn pair that was run and compared, by the way that works."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zoo.array_types import Arrays
from zoo.errors import ArtifactError, ZooError
from zoo.export.pnnx import run_pnnx
from zoo.images.inputs import Feed, random_inputs
from zoo.jobs.files import replacing
from zoo.jobs.isolation import ChildDied, isolated
from zoo.measure.metrics import cosine, max_abs_error
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import read_graph, unique_names, write_param
from zoo.runners.artifact import Artifact
from zoo.runners.output_bounds import output_bounds
from zoo.runners.reference import shaped_like

LEAST_COSINE = 0.9999
"""To the source's outputs for random inputs: a conversion is exact but for float32 in another order."""

LARGEST_NOISE = 1e-5
"""An error of no more than this share of what an output can be is float32 in another order, whatever its
direction: where nothing excites a detector, its output is all but zero, and noise is all that it has."""


@dataclass(frozen=True)
class Target:
    """The ncnn pair that a file is to become, and what its model takes and returns."""

    model: str
    """The model's name, for messages."""
    feed: Feed
    outputs: int
    """How many it has."""
    param: Path
    weights: Path


def to_ncnn(source: Path, target: Target) -> None:
    """Convert a TorchScript or ONNX file by pnnx to an ncnn pair whose layers all have names of their own.

    Raises ZooError if pnnx fails or leaves what ncnn cannot run.
    """
    second = target.feed.second()
    shapes = [(1, *shape) for shape in target.feed.shapes]
    others = [(1, *shape) for shape in second.shapes] if second else None
    with replacing(target.param, target.weights) as (param, weights):
        logging.info("%s", run_pnnx(source, shapes, param, weights, others, target.outputs))
        # pnnx may give two layers one name, and later stages tell layers apart by name.
        write_param(unique_names(read_graph(param, weights)), param)
        load_checked(param, weights)


def first_that_agrees(ways: Iterable[tuple[str, Callable[[], Path]]], truth: Path, target: Target) -> str:
    """Convert by the first of `ways` whose ncnn pair answers as the ONNX file `truth` does; return its name.

    ways: a name, and a function that makes the file which pnnx then converts. Raises ZooError with the reason
    of each if none does, and ChildDied if a process was killed from outside.
    """
    reasons = []
    for name, make in ways:
        try:
            with replacing(target.param, target.weights) as (param, weights):
                tried = replace(target, param=param, weights=weights)
                to_ncnn(make(), tried)
                check_agreement(truth, tried)
            return name
        except ZooError as error:
            if isinstance(error, ChildDied) and not error.crashed:
                raise  # it tells nothing of this way, and the next may give other files
            reasons.append(f"{name}: {error}")
    raise ZooError("no way to ncnn works. " + " | ".join(reasons))


def check_agreement(truth: Path, converted: Target) -> None:
    """Raises ArtifactError unless an ncnn pair answers as an ONNX file does, on seeded random inputs."""
    onnx = Artifact(converted.model, "cpu", "the ONNX file", "onnxruntime", "fp32", (truth,))
    pair = (converted.param, converted.weights)
    ncnn = Artifact(converted.model, "cpu", "fp32", "ncnn", "fp32", pair)
    bounds = output_bounds([truth])
    for feed in filter(None, (converted.feed, converted.feed.second())):
        expected, answers = (isolated(str(artifact), _answers, artifact, feed) for artifact in (onnx, ncnn))
        pairs = zip(shaped_like(ncnn, answers, expected), expected, bounds, strict=True)
        for place, (own, other, bound) in enumerate(pairs):
            close = cosine(other, own)
            if not close >= LEAST_COSINE and not max_abs_error(other, own) <= LARGEST_NOISE * (bound or 0):
                raise ArtifactError(
                    f"the ncnn model's output {place} has the cosine {close:.6f} to the ONNX file's, on a "
                    "random input"
                )


def _answers(artifact: Artifact, feed: Feed) -> Arrays:
    runner = artifact.open(threads=1)
    return tuple(np.asarray(each)[None] for each in runner.run(random_inputs(feed.shapes)))
