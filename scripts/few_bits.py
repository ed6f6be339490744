"""Store the weights of an fp32 ncnn model in few bits, in a file of a given size."""

import logging
from collections.abc import Mapping
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.images.decode import load
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet, spread
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.ncnn.fp16 import kept
from zoo.ncnn.graph import write_graph
from zoo.quantize.weight_only import bits_in_words, stored_bytes
from zoo.search.few_bits import Choices, check_device
from zoo.search.noise import fitting_processes, probes_for
from zoo.search.subject import Subject

snakemake: Any


def main(
    *,
    subject: Subject,
    precision: str,
    max_size: float | None,
    card: str,
    images: Mapping[str, Any],
    threads: int,
    memory_mb: float,
    param_output: str,
    weights_output: str,
    recipe_output: str,
) -> None:
    check_device(subject, precision)
    described, graph = ModelCard.read(card), subject.fp32.graph
    held_out = CalibrationSet.of(ImageSet.from_dict(images), described.classes).held_out
    probes = [inputs for _, inputs in load(spread(held_out, probes_for(graph)), described.feed, threads)]
    processes = fitting_processes(graph, threads, memory_mb)
    choices = Choices.of(subject, probes, processes, weights_output)
    recipe = choices.recipe(precision, max_size)
    made = choices.graph(recipe)
    share = stored_bytes(made) / stored_bytes(graph)
    logging.info("%s; the file has %.3f of fp32's bytes", bits_in_words(graph, recipe), share)
    for sentence in kept(made):
        logging.warning("%s", sentence)
    write_json(recipe.to_dict(), recipe_output)
    write_graph(made, param_output, weights_output)


if __name__ == "__main__":
    files, made, names = snakemake.input, snakemake.output, snakemake.wildcards
    images = snakemake.params.images, snakemake.params.images_state
    title = f"{names.precision} {names.device}/{names.model}"
    with reporting(snakemake.log[0], title, snakemake), as_planned(images):
        main(
            subject=Subject.load(
                names.model, names.device, files.param, files.weights, statistics=files.statistics
            ),
            precision=names.precision,
            max_size=snakemake.params.max_size,
            card=files.card,
            images=snakemake.params.images,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            param_output=made.param,
            weights_output=made.weights,
            recipe_output=made.recipe,
        )
