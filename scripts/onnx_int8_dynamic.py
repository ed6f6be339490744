"""Quantize the weights of an fp32 ONNX model to int8; its activations are quantized as they come."""

from pathlib import Path
from typing import Any

import onnx

from zoo.config.settings import OnnxInt8
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import libraries_scratch
from zoo.onnx.calibration import load_model
from zoo.onnx.int8 import quantize_dynamic
from zoo.runners.confined import converted

snakemake: Any


def quantize(fp32: str, setting: OnnxInt8, made: Path) -> None:
    with libraries_scratch(made):
        onnx.save(quantize_dynamic(load_model(fp32), setting), made)


def main(*, fp32: str, setting: OnnxInt8, output: str) -> None:
    with replacing(output) as (temporary,):
        converted(fp32, fp32, quantize, fp32, setting, temporary)


if __name__ == "__main__":
    with reporting(
        snakemake.log[0], "int8_dynamic.onnx {device}/{model}".format(**snakemake.wildcards), snakemake
    ):
        main(
            fp32=snakemake.input.onnx,
            setting=OnnxInt8(**snakemake.params.setting),
            output=snakemake.output[0],
        )
