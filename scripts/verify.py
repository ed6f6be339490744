"""Verify one artifact against the original model; write the report whatever the verdict."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.errors import ZooError
from zoo.images.planned import as_planned
from zoo.jobs.records import read_json
from zoo.jobs.reporting import reporting
from zoo.measure.divergence import Moved
from zoo.measure.reference_set import ReferenceSet, SearchImages
from zoo.measure.structure import OnnxForm
from zoo.measure.verify import verify
from zoo.ncnn.graph import Graph
from zoo.precision.apply import with_masks
from zoo.quantize.moved import moved_blobs
from zoo.quantize.recipe import Recipe
from zoo.runners.artifact import Artifact
from zoo.search.outcome import SearchOutcome
from zoo.search.trials import Tried

snakemake: Any


def main(
    *,
    artifact: Artifact,
    fp32: Iterable[str],
    card: str,
    reference: str,
    images: Mapping[str, Any],
    images_state: str,
    gates: Mapping[str, float],
    threads: int,
    memory_mb: float,
    output: str,
    search: tuple[str, str, str, Mapping[str, Any]] | None = None,
    opset: int | None = None,
    masks: str | None = None,
) -> None:
    against = ReferenceSet.read(images, images_state, card, reference)
    pair = tuple(map(Path, fp32)) or None
    judged, moved = (None, None) if search is None else chosen(card, *search)
    judged = None if artifact.target else judged  # it was measured on another machine
    form = OnnxForm.of(artifact.name, opset, ModelCard.read(card))
    recipe = partial(with_masks, recipe=Fp16Recipe.read(masks)) if masks else None
    verify(artifact, against, pair, gates, threads, memory_mb, judged, moved, form, recipe).write(output)


def chosen(
    card: str, outcome: str, recipe: str, reference: str, images: Mapping[str, Any]
) -> tuple[SearchImages, Callable[[Graph], Moved]]:
    """What was measured of the file: of the candidate that a search took, or, of weights in few bits, when it
    was made; and which blobs its recipe moves on purpose."""
    single = outcome.endswith(".trial.json")
    taken = Tried.read(outcome) if single else SearchOutcome.read(outcome).taken
    if taken is None:
        raise ZooError(f"{outcome}: the search took no candidate; build it again")
    moved = partial(moved_blobs, recipe=Recipe.from_dict(read_json(recipe)))
    return SearchImages.read(images, card, reference, taken.sqnr_db), moved


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    artifact = Artifact.of(files.get("files"), options=files.options, **params.artifact)
    images = params.images, params.images_state
    with reporting(snakemake.log[0], f"verify {artifact}", snakemake), as_planned(images):
        main(
            artifact=artifact,
            fp32=files.fp32,
            card=files.card,
            reference=files.reference,
            images=params.images,
            images_state=params.images_state,
            gates=params.gates,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
            search=(*files.search, params.search_images) if files.search else None,
            opset=params.opset,
            masks=files.masks[0] if files.masks else None,
        )
