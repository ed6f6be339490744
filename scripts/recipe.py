"""Choose the int8 recipe of a model from its calibration statistics."""

from zoo.calibration import CalibrationStatistics
from zoo.job import reporting
from zoo.ncnn_check import load_checked
from zoo.planning import ends, local_recipe
from zoo.records import write_json


def main(param: str, weights: str, statistics: str, output: str) -> None:
    graph, known = load_checked(param, weights), CalibrationStatistics.load(statistics)
    write_json(local_recipe(graph, known, ends(graph)).to_dict(), output)


if __name__ == "__main__":
    files = snakemake.input
    with reporting(snakemake.log[0], "int8 recipe {device}/{model}".format(**snakemake.wildcards)):
        main(files.param, files.weights, files.statistics, snakemake.output[0])
