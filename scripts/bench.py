"""Time one artifact beside ncnn's fp32 of the same model."""

from collections.abc import Iterable
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.jobs.reporting import reporting
from zoo.measure.benchmark import BenchSettings, benchmark
from zoo.measure.timing import ncnn_fp32
from zoo.runners.artifact import Artifact

snakemake: Any


def main(
    *, artifact: Artifact, fp32: Iterable[str], card: str, streams: int | None, memory_mb: float, output: str
) -> None:
    settings = BenchSettings(streams=streams, memory_mb=memory_mb)
    shapes = ModelCard.read(card).feed.shapes
    benchmark(artifact, ncnn_fp32(artifact, fp32), shapes, settings).write(output)


if __name__ == "__main__":
    files = snakemake.input
    artifact = Artifact.of(files.get("files"), options=files.options, **snakemake.params.artifact)
    with reporting(snakemake.log[0], f"benchmark {artifact}", snakemake):
        main(
            artifact=artifact,
            fp32=files.fp32,
            card=files.card,
            streams=snakemake.params.streams,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
        )
