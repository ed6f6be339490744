"""Time one int8 candidate beside ncnn's fp32 of the same model, one thread."""

from dataclasses import replace

from zoo.config.card import ModelCard
from zoo.jobs.reporting import reporting
from zoo.measure.timing import ncnn_fp32, time_beside
from zoo.runners.artifact import Artifact

LONGEST_S = 5.0


def main(artifact: Artifact, fp32_files: tuple[str, str], card: str, output: str) -> None:
    fp32, shapes = ncnn_fp32(artifact, fp32_files), ModelCard.read(card).feed.shapes
    latency, _ = time_beside(artifact, fp32, shapes, threads=1, longest_s=LONGEST_S)
    latency.write(output)


if __name__ == "__main__":
    files = snakemake.input
    name = snakemake.wildcards.candidate
    artifact = replace(Artifact.of((files.param, files.weights), **snakemake.params.artifact), name=name)
    with reporting(snakemake.log[0], f"latency of the int8 candidate {artifact}"):
        main(artifact, tuple(files.fp32), files.card, snakemake.output[0])
