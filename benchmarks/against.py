"""What int8 files and their making are worth beside those of another commit, in one run on one machine.

    python benchmarks/against.py --reference DIR [--commit 4fb3f4b] [--folder DIR]

Builds the reference ConvNeXt-atto in two zoos, by that commit and by this one, and prints each figure beside
what it must be: the time of what `objective: fastest` takes with at least 48 dB over that of the commit's
`auto`, and of both over onnxruntime's static QDQ; the time that `auto` takes from weights; and that of
statistics, table and int8 of a thousand images. Times are of processors, in turn, for a busy machine
falsifies those less than the clock; those of the builds are of one build each. `--reference` is as for
`benchmarks/fidelity.py`; what the folder holds already is not built again, and then its time is not told.
"""

import argparse
import logging
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from fidelity import IMAGES, RUNS, SIZE, Row, Zoo, configuration, qdq
from planning import SNAKEMAKE, alone, checkout

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.config.records.evaluation import Accuracy
from zoo.measure.timing import time_beside
from zoo.runners.artifact import Artifact

LEAST_DB, PHOTOS = 48, "imagenette128/val"
AUTO, FASTEST = "results/cpu/atto/int8.param", "results/cpu/fastest/int8.param"
ROUNDS, MANY = 3, 1000
"""Of statistics, table and int8 by each side, and their images."""


def declared(reference: Path) -> dict:
    """The zoo of both sides: atto at 128 px; and by this one alone, `fastest`."""
    config = configuration(reference)
    atto = config["models"]["atto"]
    int8 = {"objective": "fastest", "target": {"min_sqnr_db": LEAST_DB}}
    return config | {"models": {"atto": atto, "fastest": atto | {"int8": int8}}}


def cpu_seconds(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Seconds of processors that a command and its children take."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def made(folder: Path, target: str) -> float | None:
    """CPU seconds of a build by a folder's own library; None if it is there."""
    if (folder / target).exists():
        return None
    command = [sys.executable, "-c", SNAKEMAKE, "-j2", "--quiet", "all", "--", target]
    return cpu_seconds(command, folder, alone(folder))


def old_zoo(folder: Path, commit: str, reference: Path) -> Path:
    """A checkout with the same atto."""
    if not folder.exists():
        checkout(commit, folder)
        config = yaml.safe_load((folder / "config.yaml").read_text())
        ours = declared(reference)
        config |= {"devices": ["cpu"], "models": {"atto": ours["models"]["atto"]}}
        config["image_sets"] |= {name: ours["image_sets"][name] for name in ("calib", "val")}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def measured(folder: Path, reference: Path, commit: str) -> Iterator[Row]:
    old = old_zoo(folder / commit, commit, reference)
    (folder / "own").mkdir(exist_ok=True)
    zoo = Zoo(folder / "own", reference)
    (zoo.folder / "config.yaml").write_text(yaml.safe_dump(declared(reference)))
    before, now = made(old, AUTO), made(zoo.folder, AUTO)
    if before and now:
        yield Row(
            f"auto, {IMAGES} images, from weights: CPU time over {commit}'s", now / before, 1.7, most=True
        )
    zoo.build(FASTEST, "results/reference/fastest/evaluation.npz", "results/cpu/fastest/fp32.onnx")
    yield from faithful(zoo, old, commit)
    yield from times(zoo, old, commit)
    yield from making(zoo, old, commit)


def faithful(zoo: Zoo, old: Path, commit: str) -> Iterator[Row]:
    """What the two files answer, and their bytes."""
    for what, found, files in (
        (f"{commit}'s auto", quality(zoo, of_old(old)), of_old(old).files),
        (
            f"fastest of {LEAST_DB} dB",
            quality(zoo, zoo.artifact("fastest", "int8")),
            zoo.files("fastest", "int8"),
        ),
    ):
        yield Row(f"{what}: SQNR of the logits, dB", found.sqnr_db)
        yield Row(f"{what}: top-1 agreement, %", 100 * found.agreement)
        yield Row(f"{what}: MB", sum(file.stat().st_size for file in files) / 1e6)


def of_old(old: Path) -> Artifact:
    files = tuple(old / f"results/cpu/atto/int8.{end}" for end in ("param", "bin"))
    return Artifact("atto", "cpu", "int8", "ncnn", "int8", files)


def quality(zoo: Zoo, artifact: Artifact) -> Accuracy:
    """See `Zoo.quality`, of a file that lies elsewhere."""
    return zoo.quality_of(artifact, "fastest", PHOTOS, labels=True)


def times(zoo: Zoo, old: Path, commit: str) -> Iterator[Row]:
    own, theirs, fp32 = zoo.artifact("fastest", "int8"), of_old(old), zoo.artifact("fastest", "fp32")
    for size in (128, SIZE):
        shapes = [(3, size, size)]
        found, _ = time_beside(own, fp32, shapes, threads=1, runs=RUNS)
        yield Row(f"fastest at {size} px over fp32, 1 thread", found.ratio)
        found, _ = time_beside(theirs, fp32, shapes, threads=1, runs=RUNS)
        yield Row(f"{commit}'s auto at {size} px over fp32", found.ratio)
        found, _ = time_beside(own, theirs, shapes, threads=1, runs=RUNS)
        yield Row(f"fastest at {size} px over {commit}'s auto", found.ratio, 0.95, 0.85, most=True)
    shapes, rival = [(3, 128, 128)], qdq(zoo, "fastest")
    apart = [time_beside(each, rival, shapes, threads=1, runs=RUNS)[0].ratio for each in (own, theirs)]
    yield Row("fastest at 128 px over onnxruntime's QDQ", apart[0])
    yield Row(f"{commit}'s auto at 128 px over onnxruntime's QDQ", apart[1])
    yield Row("  the one over the other", apart[0] / apart[1], 0.94, 0.80, most=True)


def making(zoo: Zoo, old: Path, commit: str) -> Iterator[Row]:
    """Statistics, table and int8 of both sides, in turn."""
    arguments = [*map(str, zoo.files("fastest", "fp32")), str(zoo.reference / PHOTOS), f"--images={MANY}"]
    sides = {"own": PROJECT, "old": old}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, folder in sides.items():
            command = [
                sys.executable,
                str(folder / "benchmarks/calibration.py"),
                "--only",
                "whole",
                *arguments,
            ]
            seconds[side].append(cpu_seconds(command, folder, alone(folder)))
    own, theirs = (statistics.median(each) for each in seconds.values())
    yield Row(f"statistics, table, int8 of {MANY} images: CPU seconds", own)
    yield Row(f"  over {commit}'s", own / theirs, 0.93, 0.85, most=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--commit", default="4fb3f4b")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{'':<64} measured  must      aim    verdict")
        rows = []
        for row in measured(folder, options.reference.resolve(), options.commit):
            print(row, flush=True)
            rows.append(row)
        sys.exit(any("MISSED" in str(row) for row in rows))


if __name__ == "__main__":
    main()
