"""Verification of an artifact: its structure, its numbers against torch, and a verdict.

The report is a plain dictionary, made for JSON; it is written whatever the verdict.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import FLOAT16_MAX, Arrays
from zoo.errors import ArtifactError, ZooError
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.measure.divergence import divergence
from zoo.measure.gates import gate_failures
from zoo.measure.metrics import cosine, max_abs_error, sqnr_db, top1_agreement
from zoo.measure.structure import check_structure
from zoo.runners.artifact import Artifact
from zoo.runners.inference import run
from zoo.runners.reference import Reference, outputs, shaped_like

PROBES = 2
"""Images that the outputs of all layers are compared on."""


def verify(
    artifact: Artifact,
    samples: Sequence[Sample],
    feed: Feed,
    reference: Reference,
    fp32: Sequence[Path] | None,
    gates: Mapping[str, float],
    threads: int,
) -> dict[str, Any]:
    """A report with the keys `runtime`, `structure`, `numbers`, `divergence` and `verdict`.

    fp32: ncnn's fp32 pair, to compare layers with, for an ncnn artifact. gates: see `gate_failures`.
    A part that could not be made is None, and the verdict says why. Raises ZooError only for what is no
    fault of the artifact: unreadable images, or no Vulkan device.
    """
    structure = check_structure(artifact.runtime, artifact.files)
    report: dict[str, Any] = artifact.heading() | {"runtime": None, "structure": structure}
    report |= {"numbers": None, "divergence": None}
    failures = list(structure["problems"])
    if not failures:
        try:
            found, info = outputs(artifact, samples, feed, reference, threads)
            report["runtime"] = info.to_dict()
            report["numbers"] = compare(reference.outputs, found, reference.classifies)
            failures += not_finite(found, reference.names) + gate_failures(report["numbers"], gates)
            same = artifact.device == "cpu" and tuple(fp32 or ()) == artifact.files
            if fp32 and not same:
                report["divergence"] = divergence(
                    artifact, fp32, samples[:PROBES], feed, gates.get("min_cosine", 0.99), threads
                )
                if artifact.precision == "fp16":
                    failures += overflows(report["divergence"]["layers"])
            if (second := feed.second()) is not None:
                if reference.second is None:
                    raise ZooError("the reference outputs lack those of the second shape; build them again")
                found, _ = run(artifact, samples, second, threads)
                found = shaped_like(artifact, found, reference.second)
                numbers = compare(reference.second, found, reference.classifies)
                report["numbers"]["second"] = {"shapes": [list(each) for each in second.shapes]} | numbers
                failures += [
                    f"with the second shape, {failure}"
                    for failure in not_finite(found, reference.names) + gate_failures(numbers, gates)
                ]
        except ArtifactError as error:
            failures.append(str(error))
    report["verdict"] = {"passed": not failures, "failures": failures, "gates": dict(gates)}
    return report


def compare(reference: Arrays, outputs: Arrays, classifies: bool = True) -> dict[str, Any]:
    """How close outputs are, each (images, …): the numbers part of the report.

    Those of the worst output, and with several, each output's own in `outputs`. `cosine` is per image (least
    and mean; over all images for an output of one number); `sqnr_db` and `max_abs_error` are over all numbers
    of an output, the latter None if it is not finite; `top1_agreement` is None for what is no classifier.
    """
    each = [_compare(expected, got) for expected, got in zip(reference, outputs, strict=True)]
    errors = [numbers["max_abs_error"] for numbers in each]
    worst = {
        "images": len(reference[0]),
        "cosine": {key: min(numbers["cosine"][key] for numbers in each) for key in ("min", "mean")},
        "sqnr_db": min(numbers["sqnr_db"] for numbers in each),
        "max_abs_error": None if None in errors else max(errors),
        "top1_agreement": top1_agreement(reference[0], outputs[0]) if classifies else None,
    }
    return worst | ({"outputs": each} if len(each) > 1 else {})


def _compare(expected: NDArray[np.float32], got: NDArray[np.float32]) -> dict[str, Any]:
    error = max_abs_error(expected, got)
    # of one number an image only the sign would count, so all images together make the vector
    pairs = zip(expected, got, strict=True) if expected[0].size > 1 else [(expected, got)]
    cosines = [cosine(one, other) for one, other in pairs]
    return {
        "shape": list(expected.shape[1:]),
        "cosine": {"min": min(cosines), "mean": float(np.mean(cosines))},
        "sqnr_db": sqnr_db(expected, got),
        "max_abs_error": error if math.isfinite(error) else None,
    }


def not_finite(outputs: Arrays, names: Sequence[str]) -> list[str]:
    """A sentence if outputs (images, …) hold NaN or infinity, whatever the gates are."""
    bad = np.any([~np.isfinite(each.reshape(len(each), -1)).all(axis=1) for each in outputs], axis=0)
    if not bad.any():
        return []
    first = names[int(bad.argmax())]
    return [f"the outputs for {bad.sum()} of {bad.size} images hold NaN or infinity, first those for {first}"]


def overflows(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence if float16 cannot hold the output of one of the layers, which are those of a divergence.

    It is the output in fp32 that counts: a CPU that stores float16 and computes in float32, as x86, hides it.
    """
    for layer in layers:
        if layer["peak"] > FLOAT16_MAX:
            return [
                f"fp16 overflow in layer {layer['layer']} ({layer['type']}): its output reaches "
                f"{layer['peak']:.4g}, and float16 ends at {FLOAT16_MAX:.0f}; use fp32, or scale the "
                "layer down"
            ]
    return []
