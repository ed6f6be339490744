"""Verify one artifact against the original model; write the report whatever the verdict."""

from pathlib import Path
from typing import Any

from zoo.config.card import ModelCard
from zoo.images.sets import ImageSet, samples
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.measure.verify import verify
from zoo.runners.artifact import Artifact
from zoo.runners.reference import Reference


def main(
    artifact: Artifact,
    fp32: tuple[Path, ...] | None,
    card: str,
    reference: str,
    images: dict[str, Any],
    gates: dict[str, float],
    threads: int,
    output: str,
) -> None:
    feed = ModelCard.read(card).feed
    chosen = samples(ImageSet.from_dict(images))
    report = verify(artifact, chosen, feed, Reference.load(Path(reference)), fp32, gates, threads)
    if report["numbers"]:
        report["numbers"]["image_set"] = images["name"]
    write_json(report, output)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    artifact = Artifact.of(files.get("files"), **params.artifact)
    with reporting(snakemake.log[0], f"verify {artifact}"):
        main(
            artifact,
            tuple(map(Path, files.fp32)) or None,
            files.card,
            files.reference,
            params.images,
            params.gates,
            snakemake.threads,
            snakemake.output[0],
        )
