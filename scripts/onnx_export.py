"""Rewrite a model exactly and export it as a simplified, checked ONNX file; or put an ONNX file in order."""

import logging
from pathlib import Path
from typing import Any

import onnx

from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import ModelCard
from zoo.export.onnx import export_onnx
from zoo.export.rewrites import rewrite
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.models.libraries.onnx_file import read
from zoo.models.state_dict import load
from zoo.onnx.normalize import normalized
from zoo.runners.torch_outputs import zeros

snakemake: Any


def main(*, spec: ModelSpec, weights: str, card: str, opset: int, output: str) -> None:
    described = ModelCard.read(card)
    feed, names = described.feed, described.onnx_names
    if spec.kind.is_artifact == "fp32.onnx":
        simplified = normalized(read(Path(weights)), feed, names, opset)
        with replacing(output) as (temporary,):
            onnx.save(simplified, temporary)
        return
    example, second = zeros(feed.shapes), feed.second()
    model = load(spec, weights)
    if not spec.kind.is_file:
        logging.info("rewrites: %s", rewrite(model, example, feed.dynamic))
    other = zeros(second.shapes) if second else None
    export_onnx(model, example, output, opset, names, other)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    spec = ModelSpec.from_dict(params.spec)
    with reporting(snakemake.log[0], f"onnx {snakemake.wildcards.device}/{spec.name}", snakemake):
        main(
            spec=spec,
            weights=files.weights,
            card=files.card,
            opset=params.opset,
            output=snakemake.output[0],
        )
