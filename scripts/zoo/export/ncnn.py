"""From a file that pnnx reads to an ncnn pair that was run and compared, by the way that works."""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zoo.array_types import Arrays
from zoo.config.records.conversion import Conversion, Failure
from zoo.errors import ArtifactError, ZooError
from zoo.export.branches import DependsOnContent
from zoo.export.pnnx import run_pnnx
from zoo.export.ways import Way, from_onnx, from_torchscript, in_words
from zoo.images.decode import read_inputs
from zoo.images.inputs import FILE, Feed, random_inputs
from zoo.images.sets import Sample
from zoo.jobs.files import replacing
from zoo.jobs.isolation import ChildDied, isolated
from zoo.jobs.scratch import scratch
from zoo.measure.metrics import cosine, max_abs_error, sqnr_db
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import read_graph, unique_names, write_param
from zoo.runners.artifact import Artifact
from zoo.runners.output_bounds import output_bounds
from zoo.runners.reference import shaped_like

LEAST_COSINE, LEAST_SQNR_DB = 0.9999, 60.0
"""To the source's outputs: a conversion is exact but for float32 in another order, which leaves 100 dB. The
cosine alone sees no factor, and lets 40 dB pass."""
NO_ERROR = 1e-5
"""An error that is none, as a share of the largest number that the output had on any input or, where its
end tells, can have: where nothing excites a detector, its output is all but zero, and noise is all of it."""
_WITHOUT_NCNN = "What needs no ncnn is built alone by artifacts: [torchscript, fp32.onnx, fp16.onnx]"


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
    device: str = "cpu"
    """Whose artifacts they are among; they are run on the CPU."""


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


def convert(source: Path, target: Target, pictures: Sequence[Sample]) -> Conversion:
    """Convert a TorchScript or ONNX file by the first of its ways whose pair answers as the file does in its
    own runtime. pictures: on which the two are compared, as far as the model takes pictures."""
    feed = target.feed
    chosen = pictures_for(feed, pictures)
    with scratch(target.param) as folder:
        if source.suffix == ".onnx":
            truth = Artifact(target.model, "cpu", "the ONNX file", "onnxruntime", "fp32", (source,))
            return first_that_agrees(from_onnx(source, feed, folder), truth, target, chosen)
        truth = Artifact(target.model, "cpu", "the TorchScript file", "torch", "fp32", (source,))
        ways = from_torchscript(source, feed, target.outputs, folder)
        return first_that_agrees(ways, truth, target, chosen)


def first_that_agrees(
    ways: Iterable[Way], truth: Artifact, target: Target, pictures: Sequence[Sample] = ()
) -> Conversion:
    """Convert by the first of `ways` whose ncnn pair answers as `truth` does; which it was, and why not those
    before it.

    truth: what the ways start from, in its own runtime. pictures: on which the two are compared, beside a
    random input. Raises ZooError with the reason of each if none does, and ChildDied if a process was killed
    from outside. A branch on what the input holds ends it at once, for no way has one.
    """
    expected: list[Arrays] = []
    failed: list[Failure] = []
    for name, make in ways:
        try:
            expected = expected or answers(truth, target.feed, pictures)
            with replacing(target.param, target.weights) as (param, weights):
                tried = replace(target, param=param, weights=weights)
                to_ncnn(make(), tried)
                bounds = output_bounds(truth.files if truth.runtime == "onnxruntime" else (param, weights))
                least = check_agreement(expected, tried, pictures, bounds)
            return Conversion(target.model, target.device, name, least, len(expected), tuple(failed))
        except DependsOnContent as error:
            raise ZooError(f"{target.model}: {error}. {_WITHOUT_NCNN}") from error
        except ZooError as error:
            if isinstance(error, ChildDied) and not error.crashed:
                raise  # it tells nothing of this way, and the next may give other files
            failed.append(Failure(name, _without_folders(str(error))))
            logging.info("%s: %s", *vars(failed[-1]).values())
    raise ZooError(f"{target.model}: no way to ncnn works: {in_words(failed)}. {_WITHOUT_NCNN}")


def answers(artifact: Artifact, feed: Feed, pictures: Sequence[Sample]) -> list[Arrays]:
    """The outputs of an artifact, each (1, …), for a seeded random input and for the pictures, at the first
    shapes and, of a dynamic model, at the second."""
    return isolated(str(artifact), _answers, artifact, feed, pictures)


def check_agreement(
    expected: Sequence[Arrays],
    converted: Target,
    pictures: Sequence[Sample],
    bounds: Sequence[float | None] = (),
) -> float:
    """The smallest cosine of an ncnn pair's outputs to `expected`, which `answers` gave of its source.

    bounds: the largest absolute value that each output can have, see `output_bounds`. Raises ArtifactError,
    naming output and input, if cosine or SQNR is too small and the error is not.
    """
    ncnn = Artifact(converted.model, "cpu", "fp32", "ncnn", "fp32", (converted.param, converted.weights))
    found = [
        shaped_like(ncnn, own, other)
        for own, other in zip(answers(ncnn, converted.feed, pictures), expected, strict=True)
    ]
    least = 1.0
    for place, (own, other) in enumerate(
        zip(zip(*found, strict=True), zip(*expected, strict=True), strict=True)
    ):
        largest = max(float(np.abs(each).max(initial=0)) for each in other)
        largest = max(largest, *(bound or 0.0 for bound in bounds[place : place + 1]), 0.0)
        for number, (one, truth) in enumerate(zip(own, other, strict=True)):
            close, decibels = cosine(truth, one), sqnr_db(truth, one)
            if close >= LEAST_COSINE and decibels >= LEAST_SQNR_DB:
                least = min(least, close)
            elif not max_abs_error(truth, one) <= NO_ERROR * largest:
                what = "a picture" if number % (1 + len(pictures)) else "a random input"
                raise ArtifactError(
                    f"the ncnn model's output {place} has the cosine {close:.6f} to the model's own, and "
                    f"{decibels:.1f} dB, on {what}"
                )
    return least


def _answers(artifact: Artifact, feed: Feed, pictures: Sequence[Sample]) -> list[Arrays]:
    runner = artifact.open(threads=1)
    found = []
    for each in filter(None, (feed, feed.second())):
        given = [random_inputs(each.shapes), *(read_inputs(picture, each) for picture in pictures)]
        found += [tuple(np.asarray(output)[None] for output in runner.run(inputs)) for inputs in given]
    return found


def pictures_for(feed: Feed, pictures: Sequence[Sample]) -> Sequence[Sample]:
    """The pictures, unless the model takes what only files of arrays hold."""
    return () if any(each.values == FILE for each in feed.inputs) else pictures


def _without_folders(text: str) -> str:
    """The files of a conversion lie in temporary folders, which say nothing."""
    return re.sub(r"(?<![\w.])/\S*/(?=[^/\s]+)|\S*\.partial-[^/\s]+/", "", text)
