"""Find which layers of a model must not compute in float16 on a device, by running it there."""

import logging
from collections.abc import Mapping
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.images.planned import as_planned
from zoo.images.sets import ImageSet, samples
from zoo.jobs.reporting import reporting
from zoo.ncnn.pair import Pair
from zoo.precision.planner import Wanted
from zoo.precision.recipe import make_recipe
from zoo.runners.artifact import Artifact

snakemake: Any


def main(
    *,
    artifact: Artifact,
    fp32: tuple[str, str],
    card: str,
    images: Mapping[str, Any],
    wanted: Wanted,
    threads: int,
    memory_mb: float,
    output: str,
) -> None:
    described = ModelCard.read(card)
    chosen = samples(ImageSet.from_dict(images), described.classes)
    recipe = make_recipe(artifact, Pair.load(*fp32), chosen, described.feed, wanted, threads, memory_mb)
    logging.info("%s", recipe.sentence())
    recipe.write(output)


if __name__ == "__main__":
    files, params, names = snakemake.input, snakemake.params, snakemake.wildcards
    images = params.images, params.images_state
    with (
        reporting(snakemake.log[0], f"fp16 recipe {names.device}/{names.model}", snakemake),
        as_planned(images),
    ):
        main(
            artifact=Artifact.of(snakemake.output, **params.artifact),
            fp32=tuple(files.fp32),
            card=files.card,
            images=params.images,
            wanted=Wanted(**params.wanted),
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
        )
