"""One row of a sweep in a process of its own, within bounds: some models loop, crash, or eat all memory."""

import resource
from dataclasses import replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from zoo.config.model_spec import ModelSpec
from zoo.jobs.isolation import ChildDied, end_with_parent
from zoo.sweep.row import Row

SECONDS = 900.0
"""By the clock, for one model through all artifacts."""
MEMORY_MB = 12_000
"""That each process of a row may ask for."""
PACKAGES = ("torch", "timm", "torchvision", "open_clip_torch", "ncnn", "pnnx", "onnxruntime")


def row_of(
    spec: ModelSpec, row: Row, home: Path, folder: Path, seconds: float = SECONDS, small: bool = True
) -> Row:
    """The row of a model. home: ncnn-zoo's folder, whose pictures are taken. folder: for files, an empty one.
    small: at the smallest size that the model takes, not at its own.

    A process that ends without an answer leaves the row as it was until then, with the reason.
    """
    kept = folder / "row.json"
    row = replace(row, versions=versions())
    row.write(kept)
    process = get_context("spawn").Process(
        target=_examined, args=(spec, kept, home, folder / "files", small)
    )  # of its own, with no bound on what it starts: artifacts run in children of it
    process.start()
    process.join(seconds)
    late = process.is_alive()
    process.kill()
    process.join()
    found = Row.read(kept)
    if late:
        return replace(found, reason=f"it took more than {seconds:g} s")
    if process.exitcode:
        died = ChildDied.of(row.entry, process.exitcode, "the process")
        return replace(found, reason=str(died))
    return found


def versions() -> dict[str, str]:
    """Of the packages that have a part in a row."""
    return {name: version(name) for name in PACKAGES}


def _examined(spec: ModelSpec, kept: Path, home: Path, folder: Path, small: bool) -> None:
    end_with_parent()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MB << 20, MEMORY_MB << 20))
    folder.mkdir()
    from zoo.sweep.examine import examine, pictures  # torch, which the parent needs not

    examine(spec, Row.read(kept), pictures(home), folder, lambda row: row.write(kept), small)
