"""Time one artifact on a target, beside ncnn's fp32 of the same model."""

from collections.abc import Iterable
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.jobs.reporting import reporting
from zoo.measure.board.benchmark import benchmark_on_target
from zoo.measure.timing import ncnn_fp32
from zoo.runners.artifact import Artifact

snakemake: Any


def main(*, artifact: Artifact, fp32: Iterable[str], card: str, output: str) -> None:
    shapes = ModelCard.read(card).feed.shapes
    benchmark_on_target(artifact, ncnn_fp32(artifact, fp32), shapes).write(output)


if __name__ == "__main__":
    files = snakemake.input
    artifact = Artifact.of(files.get("files"), **snakemake.params.artifact)
    with reporting(snakemake.log[0], f"benchmark {artifact}", snakemake):
        main(artifact=artifact, fp32=files.fp32, card=files.card, output=snakemake.output[0])
