"""Time one int8 candidate beside ncnn's fp32 of the same model, one thread."""

from dataclasses import replace
from pathlib import Path

from zoo.config.card import ModelCard
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.measure.timing import time_beside
from zoo.runners.artifact import Artifact

LONGEST_S = 5.0


def main(artifact: Artifact, fp32_files: tuple[str, str], card: str, output: str) -> None:
    fp32 = replace(artifact, name="fp32", precision="fp32", files=tuple(map(Path, fp32_files)))
    shapes = ModelCard.read(card).feed.shapes
    entry, _ = time_beside(artifact, fp32, shapes, threads=1, longest_s=LONGEST_S)
    write_json(entry, output)


if __name__ == "__main__":
    files = snakemake.input
    name = snakemake.wildcards.candidate
    artifact = replace(Artifact.of((files.param, files.weights), **snakemake.params.artifact), name=name)
    with reporting(snakemake.log[0], f"latency of the int8 candidate {artifact}"):
        main(artifact, tuple(files.fp32), files.card, snakemake.output[0])
