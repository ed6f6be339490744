"""Time one artifact beside ncnn's fp32 of the same model."""

from dataclasses import replace
from pathlib import Path

from zoo.images.inputs import Feed
from zoo.jobs.records import read_json, write_json
from zoo.jobs.reporting import reporting
from zoo.measure.benchmark import benchmark
from zoo.runners.artifact import Artifact


def main(
    artifact: Artifact,
    fp32_files: list[str],
    card: str,
    streams: int | None,
    memory_mb: float,
    output: str,
) -> None:
    fp32 = replace(
        artifact, name="fp32", runtime="ncnn", precision="fp32", files=tuple(map(Path, fp32_files))
    )
    shapes = Feed.of(read_json(card)).shapes
    write_json(benchmark(artifact, fp32, shapes, streams=streams, memory_mb=memory_mb), output)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    artifact = Artifact.of(files.get("files"), **params.artifact)
    with reporting(snakemake.log[0], f"benchmark {artifact}"):
        main(
            artifact,
            files.fp32,
            files.card,
            params.streams,
            snakemake.resources.mem_mb,
            snakemake.output[0],
        )
