"""Plan each layer by its local error; measure what each int8 layer does to the whole model, and its time."""

import logging
from collections.abc import Mapping
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.images.decode import load
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet, spread
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.quantize.apply import left_float
from zoo.search.noise import fitting_processes, probes_for
from zoo.search.planning import local_recipe
from zoo.search.sensitivity import measure_sensitivity
from zoo.search.subject import Subject

snakemake: Any


def main(
    *,
    subject: Subject,
    card: str,
    images: Mapping[str, Any],
    threads: int,
    memory_mb: float,
    recipe_output: str,
    sensitivity_output: str,
) -> None:
    described = ModelCard.read(card)
    feed, graph = described.feed, subject.fp32.graph
    held_out = CalibrationSet.of(ImageSet.from_dict(images), described.classes).held_out
    recipe = local_recipe(graph, subject.statistics, device=subject.device)
    if left := left_float(graph, recipe):
        logging.warning("%s/%s, int8: %s", subject.device, subject.model, left)
    write_json(recipe.to_dict(), recipe_output)
    probes = [inputs for _, inputs in load(spread(held_out, probes_for(graph)), feed, threads)]
    processes = fitting_processes(graph, threads, memory_mb)
    found = measure_sensitivity(subject, recipe, probes, feed.shapes, processes, sensitivity_output)
    found.write(sensitivity_output)


if __name__ == "__main__":
    files, made, names = snakemake.input, snakemake.output, snakemake.wildcards
    images = snakemake.params.images, snakemake.params.images_state
    with (
        reporting(snakemake.log[0], f"sensitivity {names.device}/{names.model}", snakemake),
        as_planned(images),
    ):
        main(
            subject=Subject.load(
                names.model, names.device, files.param, files.weights, statistics=files.statistics
            ),
            card=files.card,
            images=snakemake.params.images,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            recipe_output=made.recipe,
            sensitivity_output=made.sensitivity,
        )
