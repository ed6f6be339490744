"""Convert TorchScript to ncnn with pnnx, and check the outcome."""

from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.export.ncnn import Target, to_ncnn
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, torchscript: str, card: str, param: str, weights: str) -> None:
    model = ModelCard.read(card)
    target = Target(model.name, model.feed, len(model.outputs), Path(param), Path(weights))
    to_ncnn(Path(torchscript), target)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "ncnn fp32 {device}/{model}".format(**snakemake.wildcards), snakemake):
        main(torchscript=files.torchscript, card=files.card, param=made.param, weights=made.weights)
