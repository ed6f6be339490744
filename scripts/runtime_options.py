"""Write what is set of ncnn's options for an artifact: as it is said by hand, and as a search finds it."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet
from zoo.jobs.reporting import reporting
from zoo.measure.reference_set import ReferenceSet
from zoo.runners.artifact import Artifact
from zoo.runners.reference import Reference
from zoo.search.option_trials import chosen_options

snakemake: Any


def main(
    *,
    artifact: Artifact,
    asked: Mapping[str, Any],
    gates: Mapping[str, float],
    card: str,
    reference: Iterable[str],
    images: Mapping[str, Any],
    threads: int,
    memory_mb: float,
    output: str,
) -> None:
    against = None
    for answers in reference:
        held_out = CalibrationSet.of(ImageSet.from_dict(images)).held_out
        feed, truth = ModelCard.read(card).feed, Reference.load(Path(answers))
        against = ReferenceSet("held-out", tuple(held_out), feed, truth).for_artifact(artifact)
    found = chosen_options(artifact, asked, gates, against, threads, memory_mb)
    found.write(output)
    print(f"note: {found.reason}", file=sys.stderr)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    artifact = Artifact.of(files.get("files"), **params.artifact)
    images = [(params.images, params.images_state)] if params.images else []  # none where nothing is searched
    with reporting(snakemake.log[0], f"options of {artifact}", snakemake), as_planned(*images):
        main(
            artifact=artifact,
            asked=params.asked,
            gates=params.gates,
            card=files.card,
            reference=files.reference,
            images=params.images,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
        )
