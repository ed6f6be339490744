"""From a file that pnnx reads to an ncnn pair that was run and compared, by the way that works."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from zoo.array_types import Arrays
from zoo.errors import ArtifactError, ZooError
from zoo.export.pnnx import convert
from zoo.images.inputs import Feed, random_inputs
from zoo.jobs.files import replacing
from zoo.jobs.isolation import isolated
from zoo.measure.metrics import cosine
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import read_graph, unique_names, write_param
from zoo.runners.artifact import Artifact
from zoo.runners.reference import shaped_like

LEAST_COSINE = 0.9999
"""To the source's outputs for random inputs: a conversion is exact but for float32 in another order."""


def to_ncnn(source: Path, feed: Feed, outputs: int, param: Path, weights: Path) -> None:
    """Convert a TorchScript or ONNX file by pnnx to an ncnn pair whose layers all have names of their own.

    outputs: how many it has. Raises ZooError if pnnx fails or leaves what ncnn cannot run.
    """
    second = feed.second()
    shapes = [(1, *shape) for shape in feed.shapes]
    others = [(1, *shape) for shape in second.shapes] if second else None
    with replacing(param, weights) as (new_param, new_weights):
        logging.info("%s", convert(source, shapes, new_param, new_weights, others, outputs))
        # pnnx may give two layers one name, and later stages tell layers apart by name.
        write_param(unique_names(read_graph(new_param, new_weights)), new_param)
        load_checked(new_param, new_weights)


def first_that_agrees(
    model: str,
    ways: Iterable[tuple[str, Callable[[], Path]]],
    truth: Path,
    feed: Feed,
    outputs: int,
    param: Path,
    weights: Path,
) -> str:
    """Convert by the first of `ways` whose ncnn pair answers as the ONNX file `truth` does; return its name.

    ways: a name, and a function that makes the file which pnnx then converts. Raises ZooError with the reason
    of each if none does.
    """
    reasons = []
    for name, make in ways:
        try:
            with replacing(param, weights) as (new_param, new_weights):
                to_ncnn(make(), feed, outputs, new_param, new_weights)
                check_agreement(model, truth, (new_param, new_weights), feed)
            return name
        except ZooError as error:
            reasons.append(f"{name}: {error}")
    raise ZooError("no way to ncnn works. " + " | ".join(reasons))


def check_agreement(model: str, truth: Path, pair: tuple[Path, Path], feed: Feed) -> None:
    """Raises ArtifactError unless an ncnn pair answers as an ONNX file does, on seeded random inputs."""
    onnx = Artifact(model, "cpu", "the ONNX file", "onnxruntime", "fp32", (truth,))
    ncnn = Artifact(model, "cpu", "fp32", "ncnn", "fp32", pair)
    for each in filter(None, (feed, feed.second())):
        expected, found = (isolated(str(artifact), _answers, artifact, each) for artifact in (onnx, ncnn))
        for place, (own, other) in enumerate(zip(shaped_like(ncnn, found, expected), expected, strict=True)):
            if not (close := cosine(other, own)) >= LEAST_COSINE:
                raise ArtifactError(
                    f"the ncnn model's output {place} has the cosine {close:.6f} to the ONNX file's, on a "
                    "random input"
                )


def _answers(artifact: Artifact, feed: Feed) -> Arrays:
    runner = artifact.open(threads=1)
    return tuple(np.asarray(each)[None] for each in runner.run(random_inputs(feed.shapes)))
