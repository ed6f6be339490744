"""Quantize by each int8 candidate's recipe; compare it with fp32 on the held-out calibration images, and time
it, where it is to run."""

from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet
from zoo.jobs.kept import Kept
from zoo.jobs.reporting import reporting
from zoo.jobs.surroundings import cpu_name
from zoo.measure.reference_set import ReferenceSet
from zoo.measure.timing import ncnn_fp32
from zoo.quantize.recipe import read_recipes
from zoo.runners.artifact import Artifact
from zoo.runners.reference import Reference
from zoo.search.measured import CandidateTrials
from zoo.search.subject import Source

snakemake: Any


def main(trials: CandidateTrials, *, recipes: str, kept: Kept, output: str) -> None:
    trials.measure(read_recipes(recipes), kept, output).write(output)
    kept.done()


if __name__ == "__main__":
    files, params, names = snakemake.input, snakemake.params, snakemake.wildcards
    output, images = snakemake.output[0], (params.images, params.images_state)
    with (
        reporting(snakemake.log[0], f"int8 trials {names.device}/{names.model}", snakemake),
        as_planned(images),
    ):
        artifact = Artifact.of((), **params.artifact)
        held_out = CalibrationSet.of(ImageSet.from_dict(params.images)).held_out
        card, truth = ModelCard.read(files.card), Reference.load(Path(files.reference))
        masks = next(iter(files.get("masks", [])), None)
        main(
            CandidateTrials(
                Source(names.model, names.device, files.param, files.weights, files.statistics),
                artifact,
                ncnn_fp32(artifact, files.fp32) if files.get("fp32") else None,
                ReferenceSet("held-out", tuple(held_out), card.feed, truth, multiply_adds=card.multiply_adds),
                Fp16Recipe.read(masks) if masks else None,
                snakemake.threads,
                snakemake.resources.mem_mb,
            ),
            recipes=files.recipes,
            kept=Kept.of_job(snakemake, output, cpu_name()),
            output=output,
        )
