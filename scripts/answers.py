"""What ncnn's fp32 files answer for the held-out calibration images: int8 is judged by it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet
from zoo.jobs.reporting import reporting
from zoo.runners.artifact import Artifact
from zoo.runners.inference import run
from zoo.runners.reference import Reference

snakemake: Any


def main(
    *, fp32: Artifact, card: str, images: Mapping[str, Any], threads: int, memory_mb: float, output: str
) -> None:
    described = ModelCard.read(card)
    held_out = CalibrationSet.of(ImageSet.from_dict(images), described.classes).held_out
    answers, _ = run(fp32, held_out, described.feed, threads, memory_mb)
    Reference.of(held_out, answers, described.task).save(Path(output))


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    images = snakemake.params.images, snakemake.params.images_state
    with (
        reporting(snakemake.log[0], f"fp32 answers {names.device}/{names.model}", snakemake),
        as_planned(images),
    ):
        main(
            fp32=Artifact.of((files.param, files.weights), **snakemake.params.artifact),
            card=files.card,
            images=snakemake.params.images,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
        )
