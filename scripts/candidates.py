"""Decide which int8 recipes are tried: those of the search, or the one that the configuration names."""

from collections.abc import Collection
from typing import Any

from zoo.jobs.reporting import reporting
from zoo.quantize.recipe import Recipe, write_recipes
from zoo.search.candidates import candidates
from zoo.search.sensitivity import Sensitivity
from zoo.search.subject import Subject

snakemake: Any


def main(
    *,
    subject: Subject,
    local: str,
    sensitivity: str,
    choice: str,
    excluded: Collection[str],
    output: str,
) -> None:
    layers = Sensitivity.read(sensitivity).layers
    recipes = candidates(subject, Recipe.read(local), layers, choice, excluded)
    write_recipes(recipes, output)


if __name__ == "__main__":
    files, params, names = snakemake.input, snakemake.params, snakemake.wildcards
    with reporting(snakemake.log[0], f"int8 candidates {names.device}/{names.model}", snakemake):
        main(
            subject=Subject.load(
                names.model, names.device, files.param, files.weights, statistics=files.statistics
            ),
            local=files.recipe,
            sensitivity=files.sensitivity,
            choice=params.int8["recipe"],
            excluded=params.int8["exclude"],
            output=snakemake.output[0],
        )
