"""Convert an fp32 ONNX model to float16, except for the layers that this breaks."""

from collections.abc import Mapping
from typing import Any

import onnx

from zoo.images.inputs import Feed
from zoo.images.sets import CalibrationSet, ImageSet, spread
from zoo.jobs.files import replacing
from zoo.jobs.records import read_json
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import libraries_scratch
from zoo.onnx.calibration import feeds, load_model
from zoo.onnx.fp16 import IMAGES, to_fp16


def main(
    path: str,
    card: str,
    images: dict[str, Any],
    gates: Mapping[str, float],
    threads: int,
    output: str,
) -> None:
    feed = Feed.of(read_json(card))
    model = load_model(path)
    chosen = spread(CalibrationSet.of(ImageSet.from_dict(images)).collected, IMAGES)
    with replacing(output) as (temporary,), libraries_scratch(output):
        onnx.save(to_fp16(model, list(feeds(model, chosen, feed, threads)), gates), temporary)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    with reporting(snakemake.log[0], "fp16.onnx {device}/{model}".format(**snakemake.wildcards)):
        main(files.onnx, files.card, params.images, params.gates, snakemake.threads, snakemake.output[0])
