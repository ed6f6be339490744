"""Decide which int8 recipes are tried: those of the search, or the one that the configuration names."""

from collections.abc import Collection
from typing import Any

from zoo.jobs.records import read_json, write_json
from zoo.jobs.reporting import reporting
from zoo.quantize.recipe import Recipe
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
    layers = Sensitivity.from_dict(read_json(sensitivity)).layers
    recipes = candidates(subject, Recipe.from_dict(read_json(local)), layers, choice, excluded)
    write_json({name: recipe.to_dict() for name, recipe in recipes.items()}, output)


if __name__ == "__main__":
    files, params, names = snakemake.input, snakemake.params, snakemake.wildcards
    with reporting(snakemake.log[0], f"int8 candidates {names.device}/{names.model}"):
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
