"""Time one int8 candidate beside ncnn's fp32 of the same model, one thread, where it is to run."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.jobs.reporting import reporting
from zoo.measure.timing import latency, ncnn_fp32
from zoo.runners.artifact import Artifact

snakemake: Any

LONGEST_S = 5.0


def main(*, artifact: Artifact, fp32: Iterable[str], card: str, output: str) -> None:
    shapes = ModelCard.read(card).feed.shapes
    latency(artifact, ncnn_fp32(artifact, fp32), shapes, LONGEST_S).write(output)


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    artifact = Artifact.of((files.param, files.weights), **snakemake.params.artifact)
    artifact = replace(artifact, name=names.candidate)
    with reporting(snakemake.log[0], f"latency of the int8 candidate {artifact}", snakemake):
        main(artifact=artifact, fp32=files.fp32, card=files.card, output=snakemake.output[0])
