"""Quantize an fp32 ONNX model to int8 by the ranges that its activations have on calibration images."""

from pathlib import Path
from typing import Any

import onnx

from zoo.config.records.card import ModelCard
from zoo.config.settings import OnnxInt8
from zoo.images.inputs import Feed
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet, Sample
from zoo.jobs.files import replacing
from zoo.jobs.isolation import ANSWER_S, answering
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import libraries_scratch
from zoo.onnx.calibration import feeds, load_model
from zoo.onnx.int8 import quantize_static
from zoo.runners.confined import converted

snakemake: Any


def main(
    *, fp32: str, card: str, images: dict[str, Any], setting: OnnxInt8, threads: int, title: str, output: str
) -> None:
    samples = CalibrationSet.of(ImageSet.from_dict(images)).collected
    feed = ModelCard.read(card).feed
    with replacing(output) as (temporary,):
        what = fp32, samples, feed, setting, threads, title, temporary
        seconds = ANSWER_S * (1 + len(samples))
        converted(fp32, fp32, quantize, *what, seconds=seconds)


def quantize(
    fp32: str, samples: list[Sample], feed: Feed, setting: OnnxInt8, threads: int, title: str, made: Path
) -> None:
    model = load_model(fp32)
    inputs = answering(feeds(model, samples, feed, threads, progress=title))
    with libraries_scratch(made):
        onnx.save(quantize_static(model, inputs, len(samples), setting), made)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    title = "int8_static.onnx {device}/{model}".format(**snakemake.wildcards)
    images = params.images, params.images_state
    with reporting(snakemake.log[0], title, snakemake), as_planned(images):
        main(
            fp32=files.onnx,
            card=files.card,
            images=params.images,
            setting=OnnxInt8(**params.setting),
            threads=snakemake.threads,
            title=title,
            output=snakemake.output[0],
        )
