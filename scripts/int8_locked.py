"""Make the int8 files that a lock names of the fp32 files, and write what it says of them; search nothing."""

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.images.planned import as_planned
from zoo.jobs.files import replacing
from zoo.jobs.records import write_json
from zoo.jobs.reporting import reporting
from zoo.jobs.surroundings import Surroundings
from zoo.locks.difference import restored
from zoo.locks.lock import again, read, read_difference
from zoo.locks.origin import Origin
from zoo.ncnn.graph import write_graph
from zoo.ncnn.pair import Pair
from zoo.quantize.table import write_table
from zoo.search.choice import summary

snakemake: Any


def main(
    *,
    model: str,
    device: str,
    fp32: Pair,
    origin: Origin,
    lock_file: str,
    difference_file: str,
    outputs: Mapping[str, str],
) -> None:
    lock = read(lock_file, model, device)
    lock.check(lock_file, origin)
    content = read_difference(difference_file, lock, lock_file)
    try:
        recipe, outcome, sensitivity = lock.chosen()
        graph, table = restored(fp32.graph, content), lock.table(fp32.graph, recipe)
        sentences = summary(outcome)
    except ZooError as error:
        raise ZooError(f"{lock_file}: {error}; {again(lock_file)}") from error
    logging.info("%s: searched %s", lock_file, lock.surroundings.against(Surroundings.own()))
    print(f"note: int8 {device}/{model}: by {lock_file}, {'; '.join(sentences)}", file=sys.stderr)
    with replacing(*outputs.values()) as temporary:
        new = dict(zip(outputs, temporary, strict=True))
        write_table(table, new["table"])
        write_json(recipe.to_dict(), new["recipe"])
        outcome.write(new["search"])
        sensitivity.write(new["sensitivity"])
        write_graph(graph, new["param"], new["weights"])
        lock.check_files(lock_file, [Path(new[name]) for name in ("param", "weights", "table")])


if __name__ == "__main__":
    files, params, made, names = snakemake.input, snakemake.params, snakemake.output, snakemake.wildcards
    images = params.images, params.images_state
    with reporting(snakemake.log[0], f"int8 {names.device}/{names.model}", snakemake), as_planned(images):
        main(
            model=names.model,
            device=names.device,
            fp32=Pair.load(files.param, files.weights),
            origin=Origin.of(files.card, (files.param, files.weights), *images, params.settings),
            lock_file=params.files[0],
            difference_file=params.files[1],
            outputs=dict(made.items()),
        )
