"""Write an int8 recipe as a calibration table for the official tools."""

from zoo.calibration import CalibrationStatistics
from zoo.job import reporting
from zoo.ncnn_check import load_checked
from zoo.quantization import table_of
from zoo.recipe import Recipe
from zoo.records import read_json
from zoo.table import write_table


def main(param: str, weights: str, statistics: str, recipe: str, output: str) -> None:
    graph, known = load_checked(param, weights), CalibrationStatistics.load(statistics)
    write_table(table_of(graph, known, Recipe.from_dict(read_json(recipe))), output)


if __name__ == "__main__":
    files = snakemake.input
    with reporting(snakemake.log[0], "calibration table {device}/{model}".format(**snakemake.wildcards)):
        main(files.param, files.weights, files.statistics, files.recipe, snakemake.output[0])
