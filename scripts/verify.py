"""Verify one artifact against the original model; write the report whatever the verdict."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.images.planned import as_planned
from zoo.jobs.reporting import reporting
from zoo.measure.reference_set import ReferenceSet
from zoo.measure.verify import verify
from zoo.runners.artifact import Artifact

snakemake: Any


def main(
    *,
    artifact: Artifact,
    fp32: Iterable[str],
    card: str,
    reference: str,
    images: Mapping[str, Any],
    gates: Mapping[str, float],
    threads: int,
    memory_mb: float,
    output: str,
) -> None:
    against = ReferenceSet.read(images, card, reference)
    verify(artifact, against, tuple(map(Path, fp32)) or None, gates, threads, memory_mb).write(output)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    artifact = Artifact.of(files.get("files"), **params.artifact)
    images = params.images, params.images_state
    with reporting(snakemake.log[0], f"verify {artifact}"), as_planned(images):
        main(
            artifact=artifact,
            fp32=files.fp32,
            card=files.card,
            reference=files.reference,
            images=params.images,
            gates=params.gates,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
        )
