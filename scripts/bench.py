"""Time one artifact beside ncnn's fp32 of the same model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.config.card import ModelCard
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.measure.benchmark import benchmark
from zoo.runners.artifact import Artifact

snakemake: Any


def main(
    *,
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
    shapes = ModelCard.read(card).feed.shapes
    write_json(benchmark(artifact, fp32, shapes, streams=streams, memory_mb=memory_mb), output)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    artifact = Artifact.of(files.get("files"), **params.artifact)
    with reporting(snakemake.log[0], f"benchmark {artifact}"):
        main(
            artifact=artifact,
            fp32_files=files.fp32,
            card=files.card,
            streams=params.streams,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
        )
