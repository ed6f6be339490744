"""Rewrite a model exactly and export it as a simplified, checked ONNX file."""

import logging

import torch

from zoo.export import DEFAULT_OPSET, export_onnx
from zoo.job import reporting
from zoo.records import read_json
from zoo.rewrites import rewrite
from zoo.spec import ModelSpec
from zoo.state_dict import load


def main(spec: ModelSpec, weights: str, card: str, opset: int | None, output: str) -> None:
    example = torch.zeros(1, *read_json(card)["input"])
    model = load(spec, weights)
    logging.info("rewrites: %s", rewrite(model, example))
    export_onnx(model, example, output, DEFAULT_OPSET if opset is None else opset)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    spec = ModelSpec.from_dict(params.spec)
    with reporting(snakemake.log[0], f"onnx {snakemake.wildcards.device}/{spec.name}"):
        main(spec, files.weights, files.card, params.opset, snakemake.output[0])
