"""Quantize by one candidate's recipe and compare with fp32 on the held-out calibration images."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from zoo.calibration.statistics import CalibrationStatistics
from zoo.config.card import ModelCard
from zoo.images.sets import ImageSet, calibration_samples
from zoo.jobs.records import read_json, write_json
from zoo.jobs.reporting import reporting
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import write_graph
from zoo.quantize.apply import apply
from zoo.quantize.recipe import Recipe
from zoo.runners.artifact import Artifact
from zoo.runners.reference import Reference, outputs
from zoo.search.trials import Fidelity


def main(
    artifact: Artifact,
    fp32: tuple[str, str],
    card: str,
    statistics: str,
    recipes: str,
    reference: str,
    images: dict[str, Any],
    threads: int,
    output: str,
) -> None:
    graph, feed = load_checked(*fp32), ModelCard.read(card).feed
    recipe = Recipe.from_dict(read_json(recipes)[artifact.name])
    write_graph(apply(graph, CalibrationStatistics.load(statistics), recipe), *artifact.files)
    _, held_out = calibration_samples(ImageSet.from_dict(images))
    truth = Reference.load(Path(reference))
    found, _ = outputs(artifact, held_out, feed, truth, threads)
    measured = {"name": artifact.name, "images": len(held_out)} | asdict(Fidelity.of(truth, found))
    measured["bytes"] = sum(file.stat().st_size for file in artifact.files)
    write_json(measured, output)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    name = snakemake.wildcards.candidate
    artifact = replace(Artifact.of((made.param, made.weights), **snakemake.params.artifact), name=name)
    with reporting(snakemake.log[0], f"int8 candidate {artifact}"):
        main(
            artifact,
            (files.param, files.weights),
            files.card,
            files.statistics,
            files.recipes,
            files.reference,
            snakemake.params.images,
            snakemake.threads,
            made.trial,
        )
