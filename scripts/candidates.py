"""Decide which int8 recipes are tried: those of the search, or the one that the configuration names."""

from collections.abc import Collection
from pathlib import Path

from zoo.calibration.statistics import CalibrationStatistics
from zoo.jobs.records import read_json, write_json
from zoo.jobs.reporting import reporting
from zoo.ncnn.check import load_checked
from zoo.quantize.apply import check_device, check_recipe
from zoo.quantize.recipe import Recipe
from zoo.search.candidates import floats, from_file, matching, named, searched
from zoo.search.planning import shifted_recipe
from zoo.search.sensitivity import Sensitivity


def main(
    fp32: tuple[str, str],
    local: str,
    statistics: str,
    sensitivity: str,
    device: str,
    choice: str,
    excluded: Collection[str],
    output: str,
) -> None:
    graph = load_checked(*fp32)
    plan = Recipe.from_dict(read_json(local))
    names = matching(graph, excluded)
    if choice == "auto":
        shifted = shifted_recipe(graph, CalibrationStatistics.load(statistics), plan)
        layers = Sensitivity.from_dict(read_json(sensitivity)).layers
        recipes = searched(graph, plan, layers, names, shifted)
    else:
        is_file = choice.endswith((".json", ".table"))
        recipe = from_file(graph, Path(choice)) if is_file else named(graph, choice, plan)
        recipe = recipe.floating(names)
        check_recipe(recipe, graph)
        check_device(recipe, device)
        recipes = {recipe.name: recipe}
    recipes |= {"fp16": floats(graph)}
    write_json({name: recipe.to_dict() for name, recipe in recipes.items()}, output)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    with reporting(snakemake.log[0], "int8 candidates {device}/{model}".format(**snakemake.wildcards)):
        main(
            (files.param, files.weights),
            files.recipe,
            files.statistics,
            files.sensitivity,
            snakemake.wildcards.device,
            params.int8["recipe"],
            params.int8["exclude"],
            snakemake.output[0],
        )
