"""Collect calibration statistics in one pass of the fp32 ncnn model."""

from typing import Any

from zoo.calibration import collect
from zoo.image_sets import ImageSet, samples
from zoo.images import load
from zoo.job import reporting
from zoo.ncnn_check import load_checked
from zoo.preprocess import Preprocess
from zoo.records import read_json
from zoo.runners.ncnn_runner import NcnnRunner


def main(
    param: str, weights: str, card: str, images: dict[str, Any], threads: int, title: str, output: str
) -> None:
    record = Preprocess.from_dict(read_json(card)["preprocess"])
    chosen = samples(ImageSet.from_dict(images))
    graph = load_checked(param, weights)
    # Ranges are a property of the model, not of the device: fp32 on the CPU finds them exactly.
    runner = NcnnRunner(param, weights, device="cpu", threads=threads, half=False)
    inputs = load(chosen, record, threads, progress=title)
    collect(graph, runner, ((sample.name, image) for sample, image in inputs)).save(output)


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
