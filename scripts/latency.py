"""Time one int8 candidate beside ncnn's fp32 of the same model, one thread."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.config.card import ModelCard
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.measure.timing import time_beside
from zoo.runners.artifact import Artifact

snakemake: Any

LONGEST_S = 5.0


def main(*, artifact: Artifact, param: str, weights: str, card: str, output: str) -> None:
    fp32 = replace(artifact, name="fp32", precision="fp32", files=(Path(param), Path(weights)))
    shapes = ModelCard.read(card).feed.shapes
    entry, _ = time_beside(artifact, fp32, shapes, threads=1, longest_s=LONGEST_S)
    write_json(entry, output)


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    artifact = Artifact.of((files.param, files.weights), **snakemake.params.artifact)
    artifact = replace(artifact, name=names.candidate)
    with reporting(snakemake.log[0], f"latency of the int8 candidate {artifact}"):
        param, weights = files.fp32
        main(artifact=artifact, param=param, weights=weights, card=files.card, output=snakemake.output[0])
