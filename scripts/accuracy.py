"""Measure one artifact's accuracy and its agreement with the original model."""

from collections.abc import Mapping
from typing import Any

from zoo.images.planned import as_planned
from zoo.jobs.reporting import reporting
from zoo.measure.accuracy import evaluate
from zoo.measure.reference_set import ReferenceSet
from zoo.runners.artifact import Artifact

snakemake: Any


def main(
    *,
    artifact: Artifact,
    card: str,
    reference: str,
    images: Mapping[str, Any],
    images_state: str,
    threads: int,
    memory_mb: float,
    output: str,
) -> None:
    evaluate(artifact, ReferenceSet.read(images, images_state, card, reference), threads, memory_mb).write(
        output
    )


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    artifact = Artifact.of(files.get("files"), options=files.options, **params.artifact)
    images = params.images, params.images_state
    with reporting(snakemake.log[0], f"evaluate {artifact}", snakemake), as_planned(images):
        main(
            artifact=artifact,
            card=files.card,
            reference=files.reference,
            images=params.images,
            images_state=params.images_state,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
        )
