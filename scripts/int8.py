"""Quantize an fp32 ncnn model by the recipe that the search chose, and write what that recipe is."""

import logging
import sys
from collections.abc import Mapping
from typing import Any

from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.jobs.files import replacing
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.ncnn.fp16 import kept
from zoo.ncnn.graph import write_graph
from zoo.precision.apply import with_masks
from zoo.quantize.apply import apply, table_of
from zoo.quantize.recipe import read_recipes
from zoo.quantize.table import write_table
from zoo.quantize.table_lint import lint_table
from zoo.search.choice import summary
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity
from zoo.search.subject import Subject

snakemake: Any


def main(
    *,
    subject: Subject,
    search: str,
    recipes: str,
    sensitivity: str,
    outputs: Mapping[str, str],
    masks: str | None = None,
) -> None:
    outcome = SearchOutcome.read(search)
    recipe = read_recipes(recipes)[outcome.chosen_or_raise(search)]
    for sentence in summary(outcome):
        print(f"note: int8 {subject.device}/{subject.model}: {sentence}", file=sys.stderr)
    graph, statistics = subject.fp32.graph, subject.statistics
    table = table_of(graph, statistics, recipe)
    for finding in lint_table(table, graph, statistics.images):
        logging.warning("int8.table: %s", finding)
    quantized = apply(graph, statistics, recipe)
    quantized = with_masks(quantized, Fp16Recipe.read(masks)) if masks else quantized
    for sentence in kept(quantized):
        logging.warning("%s", sentence)
    planned = Sensitivity.read(sensitivity).with_recipe(recipe) if "sensitivity" in outputs else None
    with replacing(*outputs.values()) as temporary:
        new = dict(zip(outputs, temporary, strict=True))
        write_table(table, new["table"])
        write_json(recipe.to_dict(), new["recipe"])
        if planned:
            planned.write(new["sensitivity"])
        write_graph(quantized, new["param"], new["weights"])


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    with reporting(snakemake.log[0], f"int8 {names.device}/{names.model}", snakemake):
        main(
            subject=Subject.load(
                names.model, names.device, files.param, files.weights, statistics=files.statistics
            ),
            search=files.search,
            recipes=files.recipes,
            sensitivity=files.sensitivity,
            outputs=dict(snakemake.output.items()),
            masks=next(iter(files.get("masks", [])), None),
        )
