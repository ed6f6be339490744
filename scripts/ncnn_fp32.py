"""Convert TorchScript or ONNX to ncnn by the first way whose pair answers as the file does."""

import logging
from pathlib import Path
from typing import Any

from zoo.cache.job import cached
from zoo.config.records.card import ModelCard
from zoo.export.ncnn import Target, convert
from zoo.images.sets import ImageSet, samples
from zoo.jobs.reporting import reporting

snakemake: Any


def main(
    *,
    source: str,
    card: str,
    pictures: dict[str, Any],
    param: str,
    weights: str,
    record: str,
    device: str = "cpu",
) -> None:
    model = ModelCard.read(card)
    target = Target(model.name, model.feed, len(model.outputs), Path(param), Path(weights), device)
    conversion = convert(Path(source), target, samples(ImageSet.from_dict(pictures)))
    conversion.write(record)
    logging.info("converted by %s", conversion.way)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "ncnn fp32 {device}/{model}".format(**snakemake.wildcards), snakemake):
        cached(snakemake, main)(
            source=files.source,
            card=files.card,
            pictures=snakemake.params.pictures,
            param=made.param,
            weights=made.weights,
            record=made.record,
            device=snakemake.wildcards.device,
        )
