"""Keep what the search chose, from what, and the int8 files that came out, in a lock for later builds."""

from typing import Any

from zoo.images.planned import as_planned
from zoo.jobs.files import replacing, sha256
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import scratch
from zoo.jobs.surroundings import Surroundings
from zoo.locks.difference import difference
from zoo.locks.lock import Lock
from zoo.locks.origin import Origin
from zoo.ncnn.graph import write_files
from zoo.quantize.apply import apply, table_of
from zoo.quantize.recipe import read_recipes
from zoo.quantize.table import format_table
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity
from zoo.search.subject import Subject

snakemake: Any


def main(
    *,
    subject: Subject,
    origin: Origin,
    search: str,
    recipes: str,
    sensitivity: str,
    lock_output: str,
    difference_output: str,
) -> None:
    outcome = SearchOutcome.read(search)
    recipe = read_recipes(recipes)[outcome.chosen_or_raise(search)]
    graph = subject.fp32.graph
    quantized, table = apply(graph, subject.statistics, recipe), table_of(graph, subject.statistics, recipe)
    with scratch(lock_output) as folder:
        made = {name: folder / name for name in ("int8.param", "int8.bin", "int8.table")}
        write_files(quantized, made["int8.param"], made["int8.bin"])
        made["int8.table"].write_text(format_table(table), newline="\n")
        files = {name: sha256(file) for name, file in made.items()}
    with replacing(lock_output, difference_output) as (lock_file, difference_file):
        difference_file.write_bytes(difference(graph, quantized))
        Lock(
            model=subject.model,
            device=subject.device,
            surroundings=Surroundings.own(),
            origin=origin,
            difference=sha256(difference_file),
            files=files,
            activations=table.activations,
            recipe=recipe.to_dict(),
            search=outcome.to_dict(),
            sensitivity=Sensitivity.read(sensitivity).with_recipe(recipe).to_dict(),
        ).write(lock_file)


if __name__ == "__main__":
    files, params, made, names = snakemake.input, snakemake.params, snakemake.output, snakemake.wildcards
    images = params.images, params.images_state
    with (
        reporting(snakemake.log[0], f"lock int8 {names.device}/{names.model}", snakemake),
        as_planned(images),
    ):
        main(
            subject=Subject.load(
                names.model, names.device, files.param, files.weights, statistics=files.statistics
            ),
            origin=Origin.of(files.card, (files.param, files.weights), *images, params.settings),
            search=files.search,
            recipes=files.recipes,
            sensitivity=files.sensitivity,
            lock_output=made.lock,
            difference_output=made.difference,
        )
