"""How long a build takes to tell what is pending, and a job to start.

    python benchmarks/startup.py

Prints, in seconds, minimum and median of a few whole processes each; of a plan also the CPU time, which a
busy machine falsifies less, and the share in it of looking whether files were changed since they were made.
Ends with status 1 if that is more than SHARE.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
NCNN_ONLY = (
    *("ncnn_fp32", "ncnn_fp16", "calibrate", "sensitivity", "candidates", "trials", "search"),
    *("int8", "verify", "accuracy", "bench", "gate"),
)

SHARE = 0.05
"""Of the CPU time of a plan: what looking for changed files may take of it."""


def measure(command: list[str], runs: int) -> list[float]:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - start)
    return seconds


def planned() -> tuple[float, int]:
    """CPU seconds of a plan of everything, and the files that its jobs make, taken as two each."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "snakemake", "-n", "all"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, 2 * (done.stdout + done.stderr).count("\nJob ")


def looking(files: int) -> float:
    """CPU seconds it takes to look whether so many files were changed since they were made."""
    sys.path.insert(0, str(PROJECT / "scripts"))
    from zoo.jobs.made import FOLDER, Made, changed, sha256, state

    with tempfile.TemporaryDirectory() as name:
        (Path(name) / FOLDER).mkdir()
        for index in range(files):
            path = Path(name) / f"cpu/{index % 20}/{index}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"made")
            Made((sha256(path),), state(path)).write(Path(name) / FOLDER / path.relative_to(name))
        start = time.process_time()
        assert changed(Path(name), lambda path: True) == []
        return time.process_time() - start


def share_of_looking() -> float:
    """The share of that in a plan."""
    plans = [planned() for _ in range(3)]
    files = plans[0][1]
    plan, look = min(seconds for seconds, _ in plans), min(looking(files) for _ in range(3))
    print(f"CPU time of a plan {plan:.2f} s; of looking at {files} files {look:.3f} s: {look / plan:.1%}")
    return look / plan


def report(title: str, seconds: list[float]) -> None:
    print(f"{title:<42} min {min(seconds):.2f}   median {statistics.median(seconds):.2f}")


def main() -> int:
    report("snakemake -n all", measure([sys.executable, "-m", "snakemake", "-n", "all"], 5))
    report("python (nothing)", measure([sys.executable, "-c", ""], 5))
    for script in NCNN_ONLY:
        start = f"import sys; sys.path.insert(0, 'scripts'); import {script}"
        report(f"start of scripts/{script}.py", measure([sys.executable, "-c", start], 5))
    start = "import sys; sys.path.insert(0, 'scripts'); import torchscript"
    report("start of scripts/torchscript.py (torch)", measure([sys.executable, "-c", start], 3))
    return int(share_of_looking() > SHARE)


if __name__ == "__main__":
    sys.exit(main())
