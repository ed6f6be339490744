"""Store the weights of an fp32 ncnn model as a byte each, in codebooks."""

import logging
from typing import Any

from zoo.calibration.statistics import CalibrationStatistics
from zoo.jobs.reporting import reporting
from zoo.ncnn.check import load_checked
from zoo.ncnn.fp16 import kept
from zoo.ncnn.graph import write_graph
from zoo.quantize.w8 import share, to_w8

snakemake: Any


def main(*, param: str, weights: str, statistics: str, param_output: str, weights_output: str) -> None:
    graph = to_w8(load_checked(param, weights), CalibrationStatistics.load(statistics))
    logging.info("%.1f%% of the weights are in codebooks, the others fp16 or fp32", 100 * share(graph))
    for sentence in kept(graph):
        logging.warning("%s", sentence)
    write_graph(graph, param_output, weights_output)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "w8 {device}/{model}".format(**snakemake.wildcards), snakemake):
        main(
            param=files.param,
            weights=files.weights,
            statistics=files.statistics,
            param_output=made.param,
            weights_output=made.weights,
        )
