"""Collect calibration statistics in one pass of the fp32 ncnn model, of all images or of a shard of them."""

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from zoo.calibration.collect import collect_parallel, pixels_for
from zoo.calibration.statistics import CalibrationStatistics, merge
from zoo.config.card import ModelCard
from zoo.errors import ZooError
from zoo.images.sets import ImageSet, calibration_samples
from zoo.jobs.reporting import reporting
from zoo.ncnn.check import load_checked


def collected(
    fp32: tuple[str, str],
    card: str,
    images: dict[str, Any],
    shard: tuple[int, int],
    threads: int,
    title: str,
) -> CalibrationStatistics:
    """The statistics of shard i of n, (i, n), which has every n-th image from the i-th on; i is from 0."""
    feed = ModelCard.read(card).feed
    chosen, _ = calibration_samples(ImageSet.from_dict(images))
    part = chosen[shard[0] :: shard[1]]
    if not part:
        raise ZooError(
            f"{len(chosen)} calibration images are too few for {shard[1]} shards (config.yaml: int8: shards)"
        )
    files = Path(fp32[0]), Path(fp32[1])
    pixels = pixels_for(len(chosen))
    return collect_parallel(load_checked(*fp32), files, part, feed, threads, pixels, progress=title)


def merged(shards: Sequence[str]) -> CalibrationStatistics:
    return reduce(merge, map(CalibrationStatistics.load, shards))


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    title = f"calibrate {names.device}/{names.model}"
    with reporting(snakemake.log[0], title):
        if shards := files.get("shards"):
            found = merged(shards)
        else:
            shard = (int(names.get("shard", 1)) - 1, int(names.get("shards", 1)))
            fp32, images = (files.param, files.weights), snakemake.params.images
            found = collected(fp32, files.card, images, shard, snakemake.threads, title)
        found.save(snakemake.output[0])
