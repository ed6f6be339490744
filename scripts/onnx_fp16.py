"""Convert an fp32 ONNX model to float16, except for the layers that this breaks."""

from collections.abc import Mapping
from typing import Any

import onnx

from zoo.config.records.card import ModelCard
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet, spread
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import libraries_scratch
from zoo.onnx.calibration import feeds, load_model
from zoo.onnx.fp16 import PROBES, to_fp16

snakemake: Any


def main(
    *, fp32: str, card: str, images: dict[str, Any], gates: Mapping[str, float], threads: int, output: str
) -> None:
    model, described = load_model(fp32), ModelCard.read(card)
    samples = spread(CalibrationSet.of(ImageSet.from_dict(images)).collected, PROBES)
    inputs = list(feeds(model, samples, described.feed, threads))
    with replacing(output) as (temporary,), libraries_scratch(output):
        onnx.save(to_fp16(model, inputs, gates, described.classifies), temporary)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    images = params.images, params.images_state
    title = "fp16.onnx {device}/{model}".format(**snakemake.wildcards)
    with reporting(snakemake.log[0], title, snakemake), as_planned(images):
        main(
            fp32=files.onnx,
            card=files.card,
            images=params.images,
            gates=params.gates,
            threads=snakemake.threads,
            output=snakemake.output[0],
        )
