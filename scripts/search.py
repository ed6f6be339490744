"""Gather what was measured of the int8 candidates, and choose; the outcome is written whatever it is."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.job import reporting
from zoo.metrics import MAX_DB
from zoo.records import read_json, write_json
from zoo.search import Trial, search


def main(
    trials: Iterable[str], latencies: Iterable[str], fp32: Iterable[str], target: Mapping[str, float]
) -> dict[str, Any]:
    measured = [read_json(trial) for trial in trials]
    timed = [read_json(latency) for latency in latencies]
    found = [
        Trial.from_dict(one | {"latency_ms": other["p10_ms"], "speedup": _speedup(other)})
        for one, other in zip(measured, timed, strict=True)
    ]
    size = sum(Path(file).stat().st_size for file in fp32)
    float32 = Trial("fp32", MAX_DB, 1.0, 0.0, size, 0.0, timed[0]["reference"]["p10_ms"], 1.0)
    references = [float32, *(trial for trial in found if trial.name == "fp16")]
    outcome = search([trial for trial in found if trial.name != "fp16"], references, target)
    return {"images": measured[0]["images"]} | outcome


def _speedup(timing: Mapping[str, Any]) -> float:
    """By the quick runs of both: what else the machine does slows the others, not always both alike."""
    return float(timing["reference"]["p10_ms"] / timing["p10_ms"])


if __name__ == "__main__":
    files = snakemake.input
    heading = {"model": snakemake.wildcards.model, "device": snakemake.wildcards.device, "artifact": "int8"}
    with reporting(snakemake.log[0], "int8 search {device}/{model}".format(**heading)):
        write_json(
            heading | main(files.trials, files.latencies, files.fp32, snakemake.params.target),
            snakemake.output[0],
        )
