"""Verify one artifact against the original model; write the report whatever the verdict."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.jobs.reporting import reporting
from zoo.measure.reference_set import ReferenceSet, SearchImages
from zoo.measure.verify import verify
from zoo.runners.artifact import Artifact
from zoo.search.outcome import SearchOutcome

snakemake: Any


def main(
    *,
    artifact: Artifact,
    fp32: Iterable[str],
    card: str,
    reference: str,
    images: Mapping[str, Any],
    gates: Mapping[str, float],
    threads: int,
    memory_mb: float,
    output: str,
    search: tuple[str, str, Mapping[str, Any]] | None = None,
) -> None:
    against = ReferenceSet.read(images, card, reference)
    judged = None if search is None else judged_by(card, *search)
    pair = tuple(map(Path, fp32)) or None
    verify(artifact, against, pair, gates, threads, memory_mb, judged).write(output)


def judged_by(card: str, outcome: str, reference: str, images: Mapping[str, Any]) -> SearchImages:
    """What the search whose outcome this is judged by, and what it measured of the candidate that it took."""
    found = SearchOutcome.read(outcome)
    if found.taken is None:
        raise ZooError(f"{outcome}: the search took no candidate; build it again")
    return SearchImages.read(images, card, reference, found.taken.sqnr_db)


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    artifact = Artifact.of(files.get("files"), **params.artifact)
    with reporting(snakemake.log[0], f"verify {artifact}"):
        main(
            artifact=artifact,
            fp32=files.fp32,
            card=files.card,
            reference=files.reference,
            images=params.images,
            gates=params.gates,
            threads=snakemake.threads,
            memory_mb=snakemake.resources.mem_mb,
            output=snakemake.output[0],
            search=(*files.search, params.search_images) if files.search else None,
        )
