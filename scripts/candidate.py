"""Quantize by one candidate's recipe and compare with fp32 on the held-out calibration images, where the
artifact is to run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet
from zoo.jobs.reporting import reporting
from zoo.measure.reference_set import ReferenceSet
from zoo.ncnn.graph import write_graph
from zoo.precision.apply import with_masks
from zoo.quantize.apply import apply
from zoo.quantize.recipe import read_recipes
from zoo.runners.artifact import Artifact
from zoo.runners.reference import Reference, outputs
from zoo.search.subject import Subject
from zoo.search.trials import Tried

snakemake: Any


def main(
    *,
    artifact: Artifact,
    subject: Subject,
    card: str,
    recipes: str,
    reference: str,
    images: Mapping[str, Any],
    threads: int,
    memory_mb: float,
    output: str,
    masks: str | None = None,
) -> None:
    recipe = read_recipes(recipes)[artifact.name]
    graph = apply(subject.fp32.graph, subject.statistics, recipe)
    write_graph(with_masks(graph, Fp16Recipe.read(masks)) if masks else graph, *artifact.files)
    held_out = CalibrationSet.of(ImageSet.from_dict(images)).held_out
    feed, truth = ModelCard.read(card).feed, Reference.load(Path(reference))
    judged = ReferenceSet("held-out", tuple(held_out), feed, truth).for_artifact(artifact)
    found, _ = outputs(artifact, judged.samples, feed, judged.reference, threads, memory_mb)
    Tried.of_files(artifact, judged.reference, found).write(output)


if __name__ == "__main__":
    files, made, names = snakemake.input, snakemake.output, snakemake.wildcards
    artifact = Artifact.of((made.param, made.weights), **snakemake.params.artifact)
    images = snakemake.params.images, snakemake.params.images_state
    title = f"int8 candidate {names.device}/{names.model}/{names.candidate}"
    with reporting(snakemake.log[0], title, snakemake), as_planned(images):
        main(
            artifact=replace(artifact, name=names.candidate),
            subject=Subject.load(
                names.model, names.device, files.param, files.weights, statistics=files.statistics
            ),
            card=files.card,
            recipes=files.recipes,
            reference=files.reference,
            images=snakemake.params.images,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=made.trial,
            masks=next(iter(files.get("masks", [])), None),
        )
