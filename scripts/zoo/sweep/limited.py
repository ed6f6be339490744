"""One row of a sweep in a process of its own, within bounds: some models loop, crash, or eat all memory."""

import resource
import time
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from pathlib import Path

import psutil

from zoo.config.model_spec import ModelSpec
from zoo.jobs.isolation import ChildDied, end_with_parent
from zoo.sweep.row import Row

SECONDS = 900.0
"""Of processors, for one model through all artifacts: a busy machine makes no model slower."""
PATIENCE = 4.0
"""So many times as long it may take by the clock."""
MEMORY_MB = 12_000
"""That each process of a row may ask for."""
PACKAGES = ("torch", "timm", "torchvision", "open_clip_torch", "ncnn", "pnnx", "onnxruntime")


def row_of(
    spec: ModelSpec,
    row: Row,
    home: Path,
    folder: Path,
    seconds: float = SECONDS,
    small: bool = True,
    patience: float = PATIENCE,
) -> Row:
    """The row of a model. home: ncnn-zoo's folder, whose pictures are taken. folder: for files, an empty one.
    small: at the smallest size that the model takes, not at its own. seconds: of processors that it may use;
    it may take `patience` times as long by the clock.

    A process that ends without an answer leaves the row as it was until then, with the reason.
    """
    kept = folder / "row.json"
    row = replace(row, versions=versions())
    row.write(kept)
    process = get_context("spawn").Process(
        target=_examined, args=(spec, kept, home, folder / "files", small)
    )  # of its own, with no bound on what it starts: artifacts run in children of it
    process.start()
    late = _late(process, seconds, patience)
    process.kill()
    process.join()
    found = Row.read(kept)
    if late:
        return replace(found, reason=late)
    if process.exitcode:
        died = ChildDied.of(row.entry, process.exitcode, "a library")
        return replace(found, reason=str(died))
    return found


def _late(process: SpawnProcess, seconds: float, patience: float) -> str:
    """Wait for a process; what it was too long by, or nothing if it ended."""
    end = time.monotonic() + patience * seconds
    while True:
        process.join(min(1.0, max(0.0, end - time.monotonic())))
        if not process.is_alive():
            return ""
        if time.monotonic() >= end:
            return f"it took more than {patience * seconds:g} s"
        if process.pid and _processor_seconds(process.pid) > seconds:
            return f"it took more than {seconds:g} s of processors"


def _processor_seconds(pid: int) -> float:
    """What a process, those below it and those that have ended there used."""
    total = 0.0
    with suppress(psutil.Error):
        own = psutil.Process(pid)
        for each in (own, *own.children(recursive=True)):
            with suppress(psutil.Error):
                total += sum(each.cpu_times()[:4])
    return total


def versions() -> dict[str, str]:
    """Of the packages that have a part in a row."""
    return {name: version(name) for name in PACKAGES}


def _examined(spec: ModelSpec, kept: Path, home: Path, folder: Path, small: bool) -> None:
    end_with_parent()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MB << 20, MEMORY_MB << 20))
    folder.mkdir()
    from zoo.sweep.examine import examine, pictures  # torch, which the parent needs not

    examine(spec, Row.read(kept), pictures(home), folder, lambda row: row.write(kept), small)
