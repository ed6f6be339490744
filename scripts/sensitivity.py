"""Plan each layer by its local error; measure what each int8 layer does to the whole model, and its time."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from zoo.calibration.statistics import CalibrationStatistics
from zoo.config.card import ModelCard
from zoo.images.decode import load
from zoo.images.sets import ImageSet, calibration_samples, every
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import scratch
from zoo.measure.layer_time import layer_times
from zoo.measure.multiply_adds import multiply_adds
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import write_files
from zoo.quantize.apply import apply, left_float
from zoo.runners.artifact import Artifact
from zoo.runners.inference import run
from zoo.runners.reference import Reference
from zoo.search.planning import local_recipe
from zoo.search.sensitivity import fitting, measure, probes_for, sensitivity


def main(
    fp32: Artifact,
    card: str,
    statistics: str,
    images: dict[str, Any],
    threads: int,
    memory_mb: int,
    recipe_out: str,
    sensitivity_out: str,
    reference_out: str,
) -> None:
    described = ModelCard.read(card)
    feed = described.feed
    graph, known = load_checked(*fp32.files), CalibrationStatistics.load(statistics)
    image_set = ImageSet.from_dict(images)
    _, held_out = calibration_samples(image_set, described.classes)
    found, _ = run(fp32, held_out, feed, threads)
    labels = np.array([sample.label for sample in held_out]) if image_set.labels else None
    names = tuple(sample.name for sample in held_out)
    Reference(found, names, labels, described.task).save(Path(reference_out))
    recipe = local_recipe(graph, known, device=fp32.device)
    if left := left_float(graph, recipe):
        logging.warning("%s/%s, int8: %s", fp32.device, fp32.model, left)
    write_json(recipe.to_dict(), recipe_out)
    title = f"sensitivity {fp32.device}/{fp32.model}"
    probes = [inputs for _, inputs in load(every(held_out, probes_for(graph)), feed, threads)]
    files = fp32.files[0], fp32.files[1]
    with scratch(recipe_out) as folder:
        processes = fitting(threads, memory_mb, graph)
        noise = measure(
            graph, files, known, recipe, probes, processes, fp32.model, folder=folder, progress=title
        )
        int8 = folder / "int8.param", folder / "int8.bin"
        write_files(apply(graph, known, recipe), *int8)
        times, int8_times = (layer_times(pair, feed.shapes, fp32.device) for pair in (files, int8))
    products = multiply_adds(fp32.files, feed.shapes)
    outcome = sensitivity(graph, noise, times, int8_times, products, len(probes), fp32.model, fp32.device)
    write_json(outcome.to_dict(), sensitivity_out)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    fp32 = Artifact.of((files.param, files.weights), **snakemake.params.artifact)
    with reporting(snakemake.log[0], f"sensitivity {fp32.device}/{fp32.model}"):
        main(
            fp32,
            files.card,
            files.statistics,
            snakemake.params.images,
            snakemake.threads,
            snakemake.resources.mem_mb,
            made.recipe,
            made.sensitivity,
            made.reference,
        )
