"""Convert an ONNX file to ncnn: by pnnx where that gives what onnxruntime gives, else through TorchScript."""

import logging
from pathlib import Path
from typing import Any

import onnx as onnx_format

from zoo.config.records.card import ModelCard
from zoo.export.ncnn import Target, first_that_agrees
from zoo.export.onnx_graph import rewritten
from zoo.images.inputs import Feed
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import scratch

snakemake: Any


def through_torchscript(source: Path, feed: Feed, folder: Path) -> Path:
    # torch takes seconds to import, and most files never come here
    from zoo.export.torchscript import export_torchscript
    from zoo.models.libraries.onnx_models import open_file
    from zoo.runners.torch_outputs import zeros

    second = feed.second()
    traced = folder / "torchscript.pt"
    other = zeros(second.shapes) if second else None
    export_torchscript(open_file(source), zeros(feed.shapes), traced, other)
    return traced


def four_dimensional(source: Path, folder: Path) -> Path:
    """The file as pnnx is to read it, in a folder of its own: it leaves another one beside it."""
    model, count = rewritten(onnx_format.load(source))
    target = folder / source.name
    if count:
        logging.info("%d values of five dimensions were taken apart", count)
        onnx_format.save(model, target)
    else:
        target.symlink_to(source.resolve())
    return target


def main(*, onnx: str, card: str, param: str, weights: str) -> None:
    model, source = ModelCard.read(card), Path(onnx)
    target = Target(model.name, model.feed, len(model.outputs), Path(param), Path(weights))
    with scratch(param) as folder:
        given = four_dimensional(source, folder)
        ways = [
            ("pnnx on ONNX", lambda: given),
            ("onnx2torch and TorchScript", lambda: through_torchscript(given, model.feed, folder)),
        ]
        way = first_that_agrees(ways, source, target)
    logging.info("converted by %s", way)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "ncnn fp32 {device}/{model}".format(**snakemake.wildcards), snakemake):
        main(onnx=files.onnx, card=files.card, param=made.param, weights=made.weights)
