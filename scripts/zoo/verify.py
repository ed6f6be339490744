"""Verification of an artifact: its structure, its numbers against torch, and a verdict.

The report is a plain dictionary, made for JSON; it is written whatever the verdict.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.divergence import divergence
from zoo.errors import ArtifactError, ZooError
from zoo.fp16 import MAX
from zoo.image_sets import Sample
from zoo.inference import Artifact, Reference, outputs
from zoo.metrics import cosine, max_abs_error, sqnr_db, top1_agreement
from zoo.preprocess import Preprocess
from zoo.structure import check_structure

PROBES = 2
"""Images that the outputs of all layers are compared on."""

_GATES = {
    "min_cosine": ("cosine similarity of the worst image", "below"),
    "min_sqnr_db": ("SQNR in dB", "below"),
    "min_top1_agreement": ("top-1 agreement", "below"),
    "max_abs_error": ("largest absolute error", "above"),
}


def verify(
    artifact: Artifact,
    samples: Sequence[Sample],
    record: Preprocess,
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
            logits, info = outputs(artifact, samples, record, reference, threads)
            report["runtime"] = info.to_dict()
            report["numbers"] = compare(reference.logits, logits)
            failures += not_finite(logits, reference.names) + gate_failures(report["numbers"], gates)
            same = artifact.device == "cpu" and tuple(fp32 or ()) == artifact.files
            if fp32 and not same:
                report["divergence"] = divergence(
                    artifact, fp32, samples[:PROBES], record, gates.get("min_cosine", 0.99), threads
                )
                if artifact.precision == "fp16":
                    failures += overflows(report["divergence"]["layers"])
        except ArtifactError as error:
            failures.append(str(error))
    report["verdict"] = {"passed": not failures, "failures": failures, "gates": dict(gates)}
    return report


def compare(reference: NDArray[np.float32], logits: NDArray[np.float32]) -> dict[str, Any]:
    """How close two (images, classes) arrays are: the numbers part of the report.

    `cosine` is per image (least and mean); `sqnr_db` and `max_abs_error` are over all outputs, the latter
    None if it is not a finite number.
    """
    error = max_abs_error(reference, logits)
    cosines = [cosine(expected, got) for expected, got in zip(reference, logits, strict=True)]
    return {
        "images": len(cosines),
        "cosine": {"min": min(cosines), "mean": float(np.mean(cosines))},
        "sqnr_db": sqnr_db(reference, logits),
        "max_abs_error": error if math.isfinite(error) else None,
        "top1_agreement": top1_agreement(reference, logits),
    }


def not_finite(logits: NDArray[np.float32], names: Sequence[str]) -> list[str]:
    """A sentence if outputs (images, classes) hold NaN or infinity, whatever the gates are."""
    bad = ~np.isfinite(logits).all(axis=1)
    if not bad.any():
        return []
    first = names[int(bad.argmax())]
    return [f"the outputs for {bad.sum()} of {bad.size} images hold NaN or infinity, first those for {first}"]


def overflows(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence if float16 cannot hold the output of one of the layers, which are those of a divergence.

    It is the output in fp32 that counts: a CPU that stores float16 and computes in float32, as x86, hides it.
    """
    for layer in layers:
        if layer["peak"] > MAX:
            return [
                f"fp16 overflow in layer {layer['layer']} ({layer['type']}): its output reaches "
                f"{layer['peak']:.4g}, and float16 ends at {MAX:.0f}; use fp32, or scale the layer down"
            ]
    return []


def gate_failures(numbers: Mapping[str, Any], gates: Mapping[str, float]) -> list[str]:
    """A sentence for each gate that the numbers do not meet.

    Gates: `min_cosine`, `min_sqnr_db`, `min_top1_agreement` (0 to 1), `max_abs_error`; the limit itself
    meets a gate, None and not-a-number meet none. Raises ZooError for an unknown gate.
    """
    values = {
        "min_cosine": numbers["cosine"]["min"],
        "min_sqnr_db": numbers["sqnr_db"],
        "min_top1_agreement": numbers["top1_agreement"],
        "max_abs_error": numbers["max_abs_error"],
    }
    failures = []
    for gate, limit in gates.items():
        if gate not in _GATES:
            raise ZooError(f"unknown gate {gate}; known are {', '.join(_GATES)}")
        what, side = _GATES[gate]
        value = math.nan if values[gate] is None else values[gate]
        if not (value >= limit if side == "below" else value <= limit):
            failures.append(f"{what} is {value:.6g}, {side} the gate {limit:g}")
    return failures
