"""How long a build takes to tell what is pending, and a job to start.

    python benchmarks/startup.py

Prints, in seconds, minimum and median of a few whole processes each.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
NCNN_ONLY = (
    *("ncnn_fp32", "ncnn_fp16", "calibrate", "sensitivity", "candidates", "candidate", "latency", "search"),
    *("int8", "verify", "accuracy", "bench", "gate"),
)


def measure(command: list[str], runs: int) -> list[float]:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - start)
    return seconds


def report(title: str, seconds: list[float]) -> None:
    print(f"{title:<42} min {min(seconds):.2f}   median {statistics.median(seconds):.2f}")


def main() -> None:
    report("snakemake -n all", measure([sys.executable, "-m", "snakemake", "-n", "all"], 5))
    report("python (nothing)", measure([sys.executable, "-c", ""], 5))
    for script in NCNN_ONLY:
        start = f"import sys; sys.path.insert(0, 'scripts'); import {script}"
        report(f"start of scripts/{script}.py", measure([sys.executable, "-c", start], 5))
    start = "import sys; sys.path.insert(0, 'scripts'); import torchscript"
    report("start of scripts/torchscript.py (torch)", measure([sys.executable, "-c", start], 3))


if __name__ == "__main__":
    main()
