"""Quantize an fp32 ncnn model by its recipe."""

from zoo.calibration import CalibrationStatistics
from zoo.job import reporting
from zoo.ncnn_check import load_checked
from zoo.ncnn_graph import write_graph
from zoo.quantization import apply
from zoo.recipe import Recipe
from zoo.records import read_json


def main(param: str, weights: str, recipe: str, statistics: str, param_out: str, weights_out: str) -> None:
    graph, known = load_checked(param, weights), CalibrationStatistics.load(statistics)
    write_graph(apply(graph, known, Recipe.from_dict(read_json(recipe))), param_out, weights_out)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "int8 {device}/{model}".format(**snakemake.wildcards)):
        main(files.param, files.weights, files.recipe, files.statistics, made.param, made.weights)
