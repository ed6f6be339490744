"""Derive a calibration table from statistics, for the layers that become int8."""

from zoo.calibration import CalibrationStatistics
from zoo.job import reporting
from zoo.ncnn_check import load_checked
from zoo.recipe import make_table
from zoo.table import write_table


def main(param: str, weights: str, statistics: str, output: str) -> None:
    graph, known = load_checked(param, weights), CalibrationStatistics.load(statistics)
    known.check(graph)
    write_table(make_table(graph, known), output)


if __name__ == "__main__":
    files = snakemake.input
    with reporting(snakemake.log[0], "calibration table {device}/{model}".format(**snakemake.wildcards)):
        main(files.param, files.weights, files.statistics, snakemake.output[0])
