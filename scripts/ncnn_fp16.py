"""Store the weights of an fp32 ncnn model as fp16."""

import logging
from typing import Any

from zoo.jobs.reporting import reporting
from zoo.ncnn.check import load_checked
from zoo.ncnn.fp16 import kept, to_fp16
from zoo.ncnn.graph import write_graph

snakemake: Any


def main(*, param: str, weights: str, param_out: str, weights_out: str) -> None:
    graph = to_fp16(load_checked(param, weights))
    for sentence in kept(graph):
        logging.warning("%s", sentence)
    write_graph(graph, param_out, weights_out)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "fp16 {device}/{model}".format(**snakemake.wildcards), snakemake):
        main(param=files.param, weights=files.weights, param_out=made.param, weights_out=made.weights)
