"""Quantize an fp32 ncnn model by the recipe that the search chose, and write what that recipe is."""

import logging
import sys

from zoo.calibration.statistics import CalibrationStatistics
from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.jobs.records import read_json, write_json
from zoo.jobs.reporting import reporting
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import write_graph
from zoo.quantize.apply import apply, table_of
from zoo.quantize.recipe import Recipe
from zoo.quantize.table import write_table
from zoo.quantize.table_lint import lint_table
from zoo.search.choice import summary
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity


def main(
    fp32: tuple[str, str], statistics: str, search: str, recipes: str, sensitivity: str, made: dict[str, str]
) -> None:
    outcome = SearchOutcome.read(search)
    if outcome.chosen is None:
        raise ZooError(
            f"{'; '.join(outcome.failures)}. Relax the target (config.yaml: int8: target), or see {search}"
        )
    for sentence in summary(outcome):
        print(f"note: int8 {outcome.device}/{outcome.model}: {sentence}", file=sys.stderr)
    graph, known = load_checked(*fp32), CalibrationStatistics.load(statistics)
    recipe = Recipe.from_dict(read_json(recipes)[outcome.chosen])
    quantized, table = apply(graph, known, recipe), table_of(graph, known, recipe)
    for finding in lint_table(table, graph, known.images):
        logging.warning("int8.table: %s", finding)
    with replacing(*made.values()) as temporary:
        new = dict(zip(made, temporary, strict=True))
        write_table(table, new["table"])
        write_json(recipe.to_dict(), new["recipe"])
        write_json(
            Sensitivity.from_dict(read_json(sensitivity)).with_recipe(recipe).to_dict(), new["sensitivity"]
        )
        write_graph(quantized, new["param"], new["weights"])


if __name__ == "__main__":
    files = snakemake.input
    with reporting(snakemake.log[0], "int8 {device}/{model}".format(**snakemake.wildcards)):
        main(
            (files.param, files.weights),
            files.statistics,
            files.search,
            files.recipes,
            files.sensitivity,
            dict(snakemake.output.items()),
        )
