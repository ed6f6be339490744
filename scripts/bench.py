"""Time one artifact beside ncnn's fp32 of the same model."""

from dataclasses import replace
from pathlib import Path

from zoo.benchmark import benchmark
from zoo.inference import Artifact
from zoo.inputs import Feed
from zoo.job import reporting
from zoo.records import read_json, write_json


def main(artifact: Artifact, fp32_files: list[str], card: str, output: str) -> None:
    fp32 = replace(
        artifact, name="fp32", runtime="ncnn", precision="fp32", files=tuple(map(Path, fp32_files))
    )
    write_json(benchmark(artifact, fp32, Feed.of(read_json(card)).shapes), output)


if __name__ == "__main__":
    artifact = Artifact.of(snakemake.input.get("files"), **snakemake.params.artifact)
    with reporting(snakemake.log[0], f"benchmark {artifact}"):
        main(artifact, snakemake.input.fp32, snakemake.input.card, snakemake.output[0])
