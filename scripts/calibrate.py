"""Collect calibration statistics in one pass of the fp32 ncnn model."""

from pathlib import Path
from typing import Any

from zoo.collection import collect_parallel
from zoo.image_sets import ImageSet, calibration_samples
from zoo.job import reporting
from zoo.ncnn_check import load_checked
from zoo.preprocess import Preprocess
from zoo.records import read_json


def main(
    param: str, weights: str, card: str, images: dict[str, Any], threads: int, title: str, output: str
) -> None:
    record = Preprocess.from_dict(read_json(card)["preprocess"])
    chosen, _ = calibration_samples(ImageSet.from_dict(images))
    graph, files = load_checked(param, weights), (Path(param), Path(weights))
    collect_parallel(graph, files, chosen, record, threads, progress=title).save(output)


if __name__ == "__main__":
    files, title = snakemake.input, "calibrate {device}/{model}".format(**snakemake.wildcards)
    with reporting(snakemake.log[0], title):
        main(
            files.param,
            files.weights,
            files.card,
            snakemake.params.images,
            snakemake.threads,
            title,
            snakemake.output[0],
        )
