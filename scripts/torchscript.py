"""Rewrite a model exactly, trace it, and save it as TorchScript."""

import logging

import torch

from zoo.export import export_torchscript
from zoo.job import reporting
from zoo.records import read_json
from zoo.rewrites import rewrite
from zoo.spec import ModelSpec
from zoo.state_dict import load


def main(spec: ModelSpec, weights: str, card: str, device: str, output: str) -> None:
    target = "cuda" if device == "gpu" and torch.cuda.is_available() else "cpu"
    example = torch.zeros(1, *read_json(card)["input"], device=target)
    model = load(spec, weights).to(target)
    logging.info("traced on %s; rewrites: %s", target, rewrite(model, example))
    export_torchscript(model, example, output)


if __name__ == "__main__":
    files, device = snakemake.input, snakemake.wildcards.device
    spec = ModelSpec.from_dict(snakemake.params.spec)
    with reporting(snakemake.log[0], f"torchscript {device}/{spec.name}"):
        main(spec, files.weights, files.card, device, snakemake.output[0])
