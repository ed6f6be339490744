"""Convert an ONNX file to ncnn by the first way whose pair answers as the file does in onnxruntime."""

import logging
from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.export.ncnn import Target, first_that_agrees, pictures_for
from zoo.export.ways import from_onnx
from zoo.images.sets import ImageSet, samples
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import scratch
from zoo.runners.artifact import Artifact

snakemake: Any


def main(
    *,
    onnx: str,
    card: str,
    pictures: dict[str, Any],
    param: str,
    weights: str,
    record: str,
    device: str = "cpu",
) -> None:
    model, source = ModelCard.read(card), Path(onnx)
    target = Target(model.name, model.feed, len(model.outputs), Path(param), Path(weights), device)
    truth = Artifact(model.name, "cpu", "the ONNX file", "onnxruntime", "fp32", (source,))
    chosen = pictures_for(model.feed, samples(ImageSet.from_dict(pictures)))
    with scratch(param) as folder:
        conversion = first_that_agrees(from_onnx(source, model.feed, folder), truth, target, chosen)
    conversion.write(record)
    logging.info("converted by %s", conversion.way)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "ncnn fp32 {device}/{model}".format(**snakemake.wildcards), snakemake):
        main(
            onnx=files.onnx,
            card=files.card,
            pictures=snakemake.params.pictures,
            param=made.param,
            weights=made.weights,
            record=made.record,
            device=snakemake.wildcards.device,
        )
