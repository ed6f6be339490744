"""Store the weights of an fp32 ncnn model in few bits, in a file of a given size, and measure the file."""

import logging
from collections.abc import Mapping
from pathlib import Path
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
from zoo.runners.artifact import Artifact
from zoo.runners.reference import Reference, outputs
from zoo.search.few_bits import Choices, check_device
from zoo.search.noise import fitting_processes, probes_for
from zoo.search.subject import Subject
from zoo.search.trials import Tried

snakemake: Any


def main(
    *,
    artifact: Artifact,
    subject: Subject,
    max_size: float | None,
    card: str,
    reference: str,
    images: Mapping[str, Any],
    threads: int,
    memory_mb: float,
    recipe_output: str,
    trial_output: str,
) -> None:
    precision, (param_output, weights_output) = artifact.precision, artifact.files
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
    truth = Reference.load(Path(reference))
    found, _ = outputs(artifact, held_out, described.feed, truth, threads, memory_mb)
    Tried.of_files(artifact, truth, found).write(trial_output)


if __name__ == "__main__":
    files, made, names = snakemake.input, snakemake.output, snakemake.wildcards
    images = snakemake.params.images, snakemake.params.images_state
    title = f"{names.precision} {names.device}/{names.model}"
    with reporting(snakemake.log[0], title, snakemake), as_planned(images):
        main(
            artifact=Artifact.of((made.param, made.weights), **snakemake.params.artifact),
            subject=Subject.load(
                names.model, names.device, files.param, files.weights, statistics=files.statistics
            ),
            max_size=snakemake.params.max_size,
            card=files.card,
            reference=files.reference,
            images=snakemake.params.images,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            recipe_output=made.recipe,
            trial_output=made.trial,
        )
