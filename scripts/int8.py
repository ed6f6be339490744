"""Quantize an fp32 ncnn model with a calibration table, and correct its biases."""

from zoo.bias_correction import correct_biases
from zoo.calibration import CalibrationStatistics
from zoo.int8 import quantize
from zoo.job import reporting
from zoo.ncnn_check import load_checked
from zoo.ncnn_graph import write_graph
from zoo.table import read_table


def main(param: str, weights: str, table: str, statistics: str, param_out: str, weights_out: str) -> None:
    graph, known = load_checked(param, weights), CalibrationStatistics.load(statistics)
    known.check(graph)
    corrected = correct_biases(graph, quantize(graph, read_table(table)), known)
    write_graph(corrected, param_out, weights_out)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "int8 {device}/{model}".format(**snakemake.wildcards)):
        main(files.param, files.weights, files.table, files.statistics, made.param, made.weights)
