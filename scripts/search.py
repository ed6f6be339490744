"""Gather what was measured of the int8 candidates, and choose; the outcome is written whatever it is."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from zoo.config.benchmark import TimedLatency
from zoo.jobs.records import read_json
from zoo.jobs.reporting import reporting
from zoo.measure.metrics import MAX_DB
from zoo.quantize.recipe import Recipe
from zoo.search.choice import search
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity
from zoo.search.trials import Trial


def main(
    trials: Iterable[str],
    latencies: Iterable[str],
    recipes: str,
    sensitivity: str,
    fp32: Iterable[str],
    target: Mapping[str, float],
    heading: Mapping[str, str],
    output: str,
) -> None:
    layers, tried = Sensitivity.from_dict(read_json(sensitivity)), read_json(recipes)
    found = []
    for trial, latency in zip(map(read_json, trials), map(TimedLatency.read, latencies), strict=True):
        weights, products = layers.int8_shares(Recipe.from_dict(tried[trial["name"]]))
        shares = {"int8_weights": weights, "int8_multiply_adds": products}
        # By the quick runs of both: what else the machine does slows the others, not always both alike.
        quick, beside = latency.p10_ms, latency.reference.p10_ms
        speed = {
            "latency_ms": quick,
            "speedup": beside / quick,
            "error": latency.ratio_error / latency.ratio,
        }
        found.append(Trial.from_dict(trial | shares | speed))
    size = sum(Path(file).stat().st_size for file in fp32)
    agreement = None if found[0].agreement is None else 1.0
    float32 = Trial("fp32", MAX_DB, agreement, 0.0, size, 0.0, 0.0, beside, 1.0)
    references = [float32, *(each for each in found if each.name == "fp16")]
    result = search([each for each in found if each.name != "fp16"], references, target)
    SearchOutcome(**heading, images=trial["images"], **vars(result)).write(output)


if __name__ == "__main__":
    files = snakemake.input
    heading = {"model": snakemake.wildcards.model, "device": snakemake.wildcards.device, "artifact": "int8"}
    with reporting(snakemake.log[0], "int8 search {device}/{model}".format(**heading)):
        main(
            trials=files.trials,
            latencies=files.latencies,
            recipes=files.recipes,
            sensitivity=files.sensitivity,
            fp32=files.fp32,
            target=snakemake.params.target,
            heading=heading,
            output=snakemake.output[0],
        )
