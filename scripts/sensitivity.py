"""Plan each layer by its local error; measure what each int8 layer does to the whole model, and its time."""

import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from zoo.calibration import CalibrationStatistics
from zoo.image_files import ModelClasses
from zoo.image_sets import ImageSet, calibration_samples, every
from zoo.images import load
from zoo.inference import Artifact, Reference, run
from zoo.inputs import Feed
from zoo.job import reporting
from zoo.layer_time import layer_times
from zoo.multiply_adds import multiply_adds
from zoo.ncnn_check import load_checked
from zoo.ncnn_graph import write_graph
from zoo.planning import local_recipe
from zoo.quantization import apply, left_float
from zoo.records import read_json, write_json
from zoo.sensitivity import measure, probes_for, sensitivity


def main(
    fp32: Artifact,
    card: str,
    statistics: str,
    images: dict[str, Any],
    threads: int,
    recipe_out: str,
    sensitivity_out: str,
    reference_out: str,
) -> None:
    described = read_json(card)
    feed = Feed.of(described)
    graph, known = load_checked(*fp32.files), CalibrationStatistics.load(statistics)
    image_set = ImageSet.from_dict(images)
    _, held_out = calibration_samples(image_set, ModelClasses.of(described))
    found, _ = run(fp32, held_out, feed, threads)
    labels = np.array([sample.label for sample in held_out]) if image_set.labels else None
    names = tuple(sample.name for sample in held_out)
    Reference(found, names, labels, described["task"]).save(Path(reference_out))
    recipe = local_recipe(graph, known, device=fp32.device)
    if left := left_float(graph, recipe):
        logging.warning("%s/%s, int8: %s", fp32.device, fp32.model, left)
    write_json(recipe.to_dict(), recipe_out)
    title = f"sensitivity {fp32.device}/{fp32.model}"
    probes = [inputs for _, inputs in load(every(held_out, probes_for(graph)), feed, threads)]
    noise = measure(graph, known, recipe, probes, threads, fp32.model, progress=title)
    with tempfile.TemporaryDirectory(dir=Path(recipe_out).parent, prefix=".partial-") as folder:
        int8 = Path(folder, "int8.param"), Path(folder, "int8.bin")
        write_graph(apply(graph, known, recipe), *int8)
        times, int8_times = (layer_times(files, feed.shapes, fp32.device) for files in (fp32.files, int8))
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
            made.recipe,
            made.sensitivity,
            made.reference,
        )
