"""Measure one artifact's accuracy and its agreement with the original model."""

from pathlib import Path
from typing import Any

from zoo.config.card import ModelCard
from zoo.images.sets import ImageSet, samples
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.measure.accuracy import evaluate
from zoo.runners.artifact import Artifact
from zoo.runners.reference import Reference, outputs

snakemake: Any


def main(
    *,
    artifact: Artifact,
    card: str,
    reference: str,
    images: dict[str, Any],
    threads: int,
    memory_mb: float,
    output: str,
) -> None:
    feed = ModelCard.read(card).feed
    truth = Reference.load(Path(reference))
    found, info = outputs(artifact, samples(ImageSet.from_dict(images)), feed, truth, threads, memory_mb)
    figures = {"runtime": info.to_dict(), "image_set": images["name"]} | evaluate(found, truth)
    write_json(artifact.heading() | figures, output)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    artifact = Artifact.of(files.get("files"), **params.artifact)
    with reporting(snakemake.log[0], f"evaluate {artifact}"):
        main(
            artifact=artifact,
            card=files.card,
            reference=files.reference,
            images=params.images,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
        )
