"""Judge a model's calibration images by the images that it is verified and evaluated on."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.calibration.collect import collect_parallel, fitting_processes
from zoo.calibration.coverage import covered
from zoo.calibration.look import Pictures, unlike
from zoo.calibration.statistics import CalibrationStatistics
from zoo.config.records.card import ModelCard
from zoo.config.records.coverage import Coverage, Covered
from zoo.images.decode import load
from zoo.images.inputs import Feed
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet, Sample, samples, spread
from zoo.jobs.reporting import reporting
from zoo.ncnn.pair import Pair

snakemake: Any

MOST = 64
"""Images of a set that are run, spread over it: enough to tell sets apart, and a small part of evaluating."""


def main(
    *,
    model: str,
    device: str,
    fp32: Pair,
    statistics: str,
    card: str,
    calibration: Mapping[str, Any],
    judged_on: Mapping[str, Mapping[str, Any]],
    threads: int,
    memory_mb: float,
    output: str,
) -> None:
    """judged_on: image sets as plain values, by their purpose."""
    described, ours = ModelCard.read(card), CalibrationStatistics.load(statistics)
    feed = described.feed
    collected = spread(CalibrationSet.of(ImageSet.from_dict(calibration), described.classes).collected, MOST)
    pictures = _pictures(collected, feed, threads)
    processes = fitting_processes(fp32, threads, memory_mb)
    purposes = []
    for purpose, values in judged_on.items():
        chosen = spread(samples(ImageSet.from_dict(values), described.classes), MOST)
        others = collect_parallel(fp32, chosen, feed, processes, title=f"{device}/{model}, {purpose}")
        seen = _pictures(chosen, feed, threads)
        found = Covered(
            purpose,
            len(chosen),
            seen.look(),
            tuple(covered(ours, others)),
            tuple(unlike(pictures, seen, f"the {purpose} images")),
        )
        for sentence in found.unlike:
            logging.warning("%s/%s: %s", device, model, sentence)
        purposes.append(found)
    Coverage(model, device, pictures.look(), tuple(purposes)).write(output)


def _pictures(chosen: Sequence[Sample], feed: Feed, threads: int) -> Pictures:
    return Pictures.of([inputs[0] for _, inputs in load(chosen, feed, threads)])


if __name__ == "__main__":
    files, names, params = snakemake.input, snakemake.wildcards, snakemake.params
    planned = zip(params.images.values(), params.images_states, strict=True)
    with (
        reporting(snakemake.log[0], f"coverage {names.device}/{names.model}", snakemake),
        as_planned(*planned),
    ):
        judged_on = dict(params.images)
        main(
            model=names.model,
            device=names.device,
            fp32=Pair.load(files.param, files.weights),
            statistics=files.statistics,
            card=files.card,
            calibration=judged_on.pop("calibration"),
            judged_on=judged_on,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
        )
