"""Store the weights of an fp32 ncnn model as fp16; with masks on layers, if there is a recipe for these."""

import logging
from typing import Any

from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.jobs.reporting import reporting
from zoo.ncnn.check import load_checked
from zoo.ncnn.fp16 import kept, to_fp16
from zoo.ncnn.graph import write_graph
from zoo.precision.apply import apply

snakemake: Any


def main(*, param: str, weights: str, masks: str | None, param_out: str, weights_out: str) -> None:
    graph = to_fp16(load_checked(param, weights))
    for sentence in kept(graph):
        logging.warning("%s", sentence)
    if masks is not None:
        recipe = Fp16Recipe.read(masks)
        graph, _ = apply(graph, recipe)  # fp16 has every layer of fp32, and none in int8
        logging.info("%s", recipe.sentence())
    write_graph(graph, param_out, weights_out)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "fp16 {device}/{model}".format(**snakemake.wildcards), snakemake):
        main(
            param=files.param,
            weights=files.weights,
            masks=files.masks[0] if files.masks else None,
            param_out=made.param,
            weights_out=made.weights,
        )
