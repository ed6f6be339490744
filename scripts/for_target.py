"""Take an ncnn artifact of this machine's CPU for a target: its weights as they are, with masks on layers."""

import logging
import shutil
from typing import Any

from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import write_graph
from zoo.precision.apply import apply

snakemake: Any


def main(*, param: str, weights: str, masks: str | None, param_output: str, weights_output: str) -> None:
    if masks is None:
        with replacing(param_output, weights_output) as outputs:
            for file, output in zip((param, weights), outputs, strict=True):
                shutil.copyfile(file, output)
        return
    recipe = Fp16Recipe.read(masks)
    graph, skipped = apply(load_checked(param, weights), recipe)
    logging.info("%s", recipe.sentence())
    for sentence in skipped:
        logging.info("%s", sentence)
    write_graph(graph, param_output, weights_output)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "for {target}/{model}".format(**snakemake.wildcards), snakemake):
        main(
            param=files.files[0],
            weights=files.files[1],
            masks=files.masks[0] if files.masks else None,
            param_output=made.param,
            weights_output=made.weights,
        )
