"""Convert an fp32 ONNX model to float16, except for the layers that this breaks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from zoo.config.records.card import ModelCard
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet, Sample, spread
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import libraries_scratch
from zoo.onnx.calibration import feeds, load_model
from zoo.onnx.fp16 import PROBES, to_fp16
from zoo.runners.confined import converted

snakemake: Any


def main(
    *, fp32: str, card: str, images: dict[str, Any], gates: Mapping[str, float], threads: int, output: str
) -> None:
    described = ModelCard.read(card)
    samples = spread(CalibrationSet.of(ImageSet.from_dict(images)).collected, PROBES)
    with replacing(output) as (temporary,):
        converted(fp32, fp32, convert, fp32, samples, described, gates, threads, temporary)


def convert(
    fp32: str, samples: list[Sample], card: ModelCard, gates: Mapping[str, float], threads: int, made: Path
) -> None:
    model = load_model(fp32)
    inputs = list(feeds(model, samples, card.feed, threads))
    with libraries_scratch(made):
        onnx.save(to_fp16(model, inputs, gates, card.classifies), made)


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
