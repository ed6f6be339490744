"""Gather what was measured of the int8 candidates, and choose; the outcome is written whatever it is."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.config.settings import DEFAULT_GATES
from zoo.jobs.reporting import reporting
from zoo.quantize.recipe import read_recipes
from zoo.search.choice import but_for_one_image, passes, search
from zoo.search.gathered import gather
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity
from zoo.search.trials import Measured

snakemake: Any


def main(
    *,
    model: str,
    device: str,
    trials: str,
    recipes: str,
    sensitivity: str,
    fp32: Sequence[str],
    target: Mapping[str, float],
    objective: str,
    output: str,
) -> None:
    tried = read_recipes(recipes)
    measured = Measured.read(trials)
    gathered = gather(
        measured.tried,
        measured.latencies,
        tried,
        Sensitivity.read(sensitivity),
        fp32_bytes=sum(Path(file).stat().st_size for file in fp32),
    )
    if not measured.latencies:
        target = {name: limit for name, limit in target.items() if name != "min_speedup"}
    # Not the user's gates: when these change, files are judged again, and not made again.
    gates = but_for_one_image(DEFAULT_GATES["int8"].to_dict(), gathered.images)
    result = search(gathered.candidates, gathered.references, target, gates, objective)
    if result.taken and not passes(result.taken, gates):
        logging.warning(
            "no candidate meets the target and, on the held-out images, the default gates of int8"
        )
    outcome = SearchOutcome(
        model=model, device=device, artifact="int8", images=gathered.images, **vars(result)
    )
    outcome.write(output)


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    with reporting(snakemake.log[0], f"int8 search {names.device}/{names.model}", snakemake):
        main(
            model=names.model,
            device=names.device,
            trials=files.trials,
            recipes=files.recipes,
            sensitivity=files.sensitivity,
            fp32=files.fp32,
            target=snakemake.params.target,
            objective=snakemake.params.objective,
            output=snakemake.output[0],
        )
