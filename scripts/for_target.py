"""Take an ncnn artifact of this machine's CPU for a target: its weights as they are, with masks on layers."""

import logging
import shutil
from collections.abc import Sequence
from typing import Any

from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import write_param
from zoo.precision.apply import apply

snakemake: Any


def main(*, files: Sequence[str], masks: str | None, outputs: Sequence[str]) -> None:
    """files, outputs: the `.param`, the `.bin`, and what else there is, which stays as it is."""
    with replacing(*outputs) as paths:
        for file, path in zip(files, paths, strict=True):
            shutil.copyfile(file, path)
        if masks is None:
            return
        recipe = Fp16Recipe.read(masks)
        graph, sentences = apply(load_checked(files[0], files[1]), recipe)
        for sentence in (recipe.sentence(), *sentences):
            logging.info("%s", sentence)
        write_param(graph, paths[0])


if __name__ == "__main__":
    given, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "for {target}/{model}".format(**snakemake.wildcards), snakemake):
        main(
            files=[*given.files, *(given.get(name) for name in ("table", "recipe") if made.get(name))],
            masks=given.masks[0] if given.masks else None,
            outputs=list(made),
        )
