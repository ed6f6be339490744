"""How long a plan of everything takes against that of another commit.

    python benchmarks/planning.py --against COMMIT [--pairs 7] [--most 1.05]

Plans `snakemake -n all` in a checkout of that commit and in one of the present files, both without results
and with the present config.yaml (or, where that commit does not take it, each with its own), in turn, and
each pair in the other order than the one before. Prints the CPU time of both, which a busy machine falsifies
less than the clock, and the ratio of the medians and of the minima; the error is that of the mean of the
pairs' ratios. Exits with status 1 if the ratio of the minima and that of the medians are both above `--most`.
"""

import argparse
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# With the library and plugins of its own folder, and none that is installed: that may be of another commit.
SNAKEMAKE = """
import os, runpy, sys
own = os.environ["PYTHONPATH"]
has_library = lambda folder: os.path.isfile(os.path.join(folder, "zoo/__init__.py"))
sys.path[:] = [each for each in sys.path if each == own or not has_library(each)]
runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
"""
PLAN = [sys.executable, "-c", SNAKEMAKE, "-n", "-j1", "all"]
PARTS = ("Snakefile", "config.yaml", "rules", "scripts", "profiles", "calib")


def checkout(commit: str, folder: Path) -> Path:
    """The parts of a commit that a build reads."""
    archive = folder.with_suffix(".tar")
    subprocess.run(["git", "archive", "-o", str(archive), commit], cwd=PROJECT, check=True)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder


def present(folder: Path) -> Path:
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / part)
    return folder


def alone(folder: Path) -> dict[str, str]:
    """The environment in which a folder's build has its own library."""
    return {**os.environ, "PYTHONPATH": str(folder / "scripts")}


def planned(folder: Path) -> tuple[float, int] | None:
    """CPU seconds of a plan, and its jobs; None if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(PLAN, cwd=folder, capture_output=True, text=True, env=alone(folder))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        return None
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, (done.stdout + done.stderr).count("\nJob ")


def with_one_configuration(old: Path, new: Path) -> None:
    """The present config.yaml for both, if the old commit plans with it."""
    kept = (old / "config.yaml").read_bytes()
    shutil.copy2(new / "config.yaml", old / "config.yaml")
    if planned(old) is None:
        print("each with its own config.yaml, for the older does not take the present one")
        (old / "config.yaml").write_bytes(kept)
        if planned(old) is None:
            sys.exit("the other commit cannot plan here; is all installed that it needs?")
    if planned(new) is None:
        sys.exit("the present files cannot plan; see snakemake -n all")


def paired(old: Path, new: Path, pairs: int) -> list[tuple[float, float]]:
    """The CPU seconds of both, pair by pair."""
    found = []
    for index in range(pairs):
        order = (old, new) if index % 2 else (new, old)
        seconds = {}
        for folder in order:
            plan = planned(folder)
            assert plan is not None, "it planned before"
            seconds[folder] = plan[0]
        found.append((seconds[old], seconds[new]))
        print(f"pair {index + 1}: {found[-1][0]:.2f} s, now {found[-1][1]:.2f} s", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--against", required=True, metavar="COMMIT")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--most", type=float, default=1.05)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        old, new = checkout(options.against, Path(scratch) / "old"), present(Path(scratch) / "new")
        with_one_configuration(old, new)
        jobs = [plan[1] for plan in (planned(old), planned(new)) if plan]
        found = paired(old, new, max(2, options.pairs))
    before, now = zip(*found, strict=True)
    ratios = [other / one for one, other in found]
    error = statistics.stdev(ratios) / math.sqrt(len(ratios))
    minima, medians = min(now) / min(before), statistics.median(now) / statistics.median(before)
    print(f"jobs: {jobs[0]}, now {jobs[1]}")
    print(f"CPU time, minima: {min(before):.2f} s, now {min(now):.2f} s: {minima:.3f}")
    print(f"medians: {medians:.3f}; pairs: {statistics.mean(ratios):.3f} ± {error:.3f}")
    return int(min(minima, medians) > options.most)


if __name__ == "__main__":
    sys.exit(main())
