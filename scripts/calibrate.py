"""Collect calibration statistics in one pass of the fp32 ncnn model, of all images or of a shard of them."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from zoo.calibration.collect import collect_parallel, fitting_processes, pixels_for
from zoo.calibration.statistics import CalibrationStatistics, merge
from zoo.config.records.card import ModelCard
from zoo.images.planned import as_planned, tell_left_out
from zoo.images.sets import CalibrationSet, ImageSet, shard
from zoo.jobs.reporting import reporting
from zoo.ncnn.pair import Pair

snakemake: Any


def collect(
    *,
    param: str,
    weights: str,
    card: str,
    images: Mapping[str, Any],
    number: int,
    shards: int,
    threads: int,
    memory_mb: float,
    title: str,
    output: str,
) -> None:
    fp32, feed = Pair.load(param, weights), ModelCard.read(card).feed
    collected = CalibrationSet.of(ImageSet.from_dict(images)).collected
    statistics = collect_parallel(
        fp32,
        shard(collected, number, shards),
        feed,
        fitting_processes(fp32, threads, memory_mb),
        pixels_for(len(collected)),
        title,
    )
    statistics.save(output)


def merge_all(*, shards: Sequence[str], output: str) -> None:
    reduce(merge, map(CalibrationStatistics.load, shards)).save(output)


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    title = f"calibrate {names.device}/{names.model}"
    images = snakemake.params.images, snakemake.params.images_state
    with reporting(snakemake.log[0], title, snakemake), as_planned(images):
        if files.get("shards"):
            merge_all(shards=files.shards, output=snakemake.output[0])
        else:
            tell_left_out(snakemake.params.images)
            collect(
                param=files.param,
                weights=files.weights,
                card=files.card,
                images=snakemake.params.images,
                number=int(names.get("shard", 1)),
                shards=int(names.get("shards", 1)),
                threads=snakemake.threads,
                memory_mb=snakemake.resources.mem_mb,
                title=title,
                output=snakemake.output[0],
            )
