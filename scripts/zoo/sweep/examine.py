"""One model through every artifact, beside the untouched model on a few pictures."""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.images.sets import ImageSet, samples
from zoo.models.architecture import create
from zoo.models.traits import feed_of, outputs_of, preprocess_record
from zoo.sweep.row import ARTIFACTS, FP16, FP32, INT8, ONNX, Outcome, Row
from zoo.sweep.subject import Pictures, Subject

Told = Callable[[Row], None]

PICTURES = 8
"""For each of comparison and calibration."""
SMALLEST = (96, 128, 160, 192, 224, 256)
"""Sides in pixels that are tried first, where the library's own is larger."""


def examine(
    spec: ModelSpec,
    row: Row,
    pictures: Pictures,
    folder: Path,
    told: Told,
    small: bool = False,
    artifacts: Collection[str] = ARTIFACTS,
) -> Row:
    """The row of a model, completed. row: how it starts. folder: for files, an empty one. told: is given the
    row each time that there is more of it, for what follows may take the process down. small: at
    the smallest size that the model takes, not at its own. artifacts: that are made.

    Weights are random, and none of them trivial, unless the model is a file; nothing is fetched. What an
    artifact fails by is in the row.
    """
    try:
        chosen = smallest(spec) if small and spec.kind.names_models else spec
        subject = Subject.of(chosen, pictures, folder)
    except Exception as error:  # libraries raise what they like
        row = replace(row, reason=reason_of(error, folder))
        told(row)
        return row
    card = subject.card
    size = card.preprocess.size if card.takes_one_image else None
    row = replace(row, size=size, parameters=card.parameters, multiply_adds=card.multiply_adds)
    told(row)
    made = {ONNX: subject.onnx, FP32: subject.fp32, FP16: subject.fp16, INT8: subject.int8}
    for artifact in filter(artifacts.__contains__, made):
        try:
            row, outcome = made[artifact](row)
        except Exception as error:
            outcome = Outcome(reason=reason_of(error, folder))
        logging.info("%s: %s: %s", row.entry, artifact, outcome)
        row = replace(row, artifacts={**row.artifacts, artifact: outcome})
        told(row)
    return row


def smallest(spec: ModelSpec) -> ModelSpec:
    """The model at the smallest size that it takes, of `SMALLEST` and its own.

    Raises ZooError if it takes not even its own.
    """
    own = preprocess_record(spec).size
    sizes = [side for side in SMALLEST if side < min(own)] if "size" not in spec.preprocess else []
    for side in sizes:
        tried = replace(spec, preprocess={**spec.preprocess, "size": [side, side]})
        try:
            outputs_of(create(tried), feed_of(tried))
        except ZooError:
            continue
        return tried
    return spec


def pictures(home: Path) -> Pictures:
    """Those that ship with ncnn-zoo in `home`."""
    compared, calibration = (
        samples(ImageSet.from_dict({"name": name, "path": home / "calib" / name, "images": PICTURES}))
        for name in ("heldout", "natural")
    )
    return Pictures(compared, calibration)


def reason_of(error: Exception, folder: Path) -> str:
    """An exception as a sentence, in one line, without the folder that is gone when it is read."""
    text = str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"
    return " ".join(text.replace(f"{folder}/", "").split())
