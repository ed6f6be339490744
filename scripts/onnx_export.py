"""Rewrite a model exactly and export it as a simplified, checked ONNX file; or put an ONNX file in order."""

import logging
from pathlib import Path
from typing import Any

from zoo.cache.job import cached
from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import ModelCard
from zoo.export.onnx import export_onnx, put_in_place
from zoo.export.rewrites import rewrite
from zoo.images.inputs import Feed
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import libraries_scratch, scratch
from zoo.models.libraries.onnx_data import write_model
from zoo.models.libraries.onnx_file import read
from zoo.models.state_dict import load
from zoo.onnx.normalize import normalized
from zoo.runners.confined import converted
from zoo.runners.torch_outputs import zeros

snakemake: Any


Names = tuple[list[str], list[str]]


def export(spec: ModelSpec, weights: str, feed: Feed, names: Names, opset: int, output: Path) -> None:
    if spec.kind.is_artifact == "fp32.onnx":
        with libraries_scratch(output):  # where onnxsim cannot write it takes another way, to other bytes
            write_model(normalized(read(Path(weights)), feed, names, opset), output)
        return
    example, second = zeros(feed.shapes), feed.second()
    model = load(spec, weights)
    if not spec.kind.is_file:
        logging.info("rewrites: %s", rewrite(model, example, feed.dynamic))
    other = zeros(second.shapes) if second else None
    export_onnx(model, example, output, opset, names, other)


def main(*, spec: ModelSpec, weights: str, card: str, opset: int, output: str) -> None:
    described = ModelCard.read(card)
    what, target = (spec, weights, described.feed, described.onnx_names, opset), Path(output)
    if not spec.kind.is_file:
        export(*what, target)
        return
    with scratch(output) as folder:
        made = folder / target.name
        converted(f"the model of {spec.architecture}", weights, export, *what, made)
        put_in_place(made, target)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    spec = ModelSpec.from_dict(params.spec)
    with reporting(snakemake.log[0], f"onnx {snakemake.wildcards.device}/{spec.name}", snakemake):
        cached(snakemake, main)(
            spec=spec,
            weights=files.weights,
            card=files.card,
            opset=params.opset,
            output=snakemake.output[0],
        )
