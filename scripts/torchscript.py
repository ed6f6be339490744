"""Rewrite a model exactly, trace it, and save it as TorchScript."""

import logging
import shutil
from pathlib import Path
from typing import Any

import torch

from zoo.cache.job import cached
from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import ModelCard
from zoo.export.rewrites import rewrite
from zoo.export.torchscript import export_torchscript
from zoo.images.inputs import Feed
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.models.state_dict import load
from zoo.runners.confined import converted
from zoo.runners.torch_outputs import zeros

snakemake: Any


def main(*, spec: ModelSpec, weights: str, card: str, device: str, output: str) -> None:
    if spec.kind.is_artifact == "torchscript":
        with replacing(output) as (temporary,):
            shutil.copyfile(weights, temporary)
        return
    what = spec, weights, ModelCard.read(card).feed
    if not spec.kind.is_file:
        export(*what, "cuda" if device == "gpu" and torch.cuda.is_available() else "cpu", output)
        return
    with replacing(output) as (temporary,):
        converted(f"the model of {spec.architecture}", weights, export, *what, "cpu", temporary)


def export(spec: ModelSpec, weights: str, feed: Feed, target: str, output: str | Path) -> None:
    second = feed.second()
    example = zeros(feed.shapes, target)
    model = load(spec, weights).to(target)
    if not spec.kind.is_file:
        logging.info("traced on %s; rewrites: %s", target, rewrite(model, example, feed.dynamic))
    export_torchscript(model, example, output, zeros(second.shapes, target) if second else None)


if __name__ == "__main__":
    files, device = snakemake.input, snakemake.wildcards.device
    spec = ModelSpec.from_dict(snakemake.params.spec)
    with reporting(snakemake.log[0], f"torchscript {device}/{spec.name}", snakemake):
        cached(snakemake, main)(
            spec=spec,
            weights=files.weights,
            card=files.card,
            device=device,
            output=snakemake.output[0],
        )
