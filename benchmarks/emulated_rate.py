"""How many multiply-adds an emulated processor does in a second: what a long job is announced by
(`zoo.runners.on_target.foreseen`).

    python benchmarks/emulated_rate.py results/cpu/*/{fp32,fp16,int8}.param

For each artifact of the zoo in this folder and each emulated target of its config.yaml, the best of RUNS runs
by one process, in 10^9 multiply-adds a second, and at the end of each precision the slowest beside what is
gone by. The agent must be there, which `snakemake results/targets/aarch64/agent` builds. Ends with status 1
if one is slower than three quarters of that.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.cli import workflow
from zoo.config.targets import Target
from zoo.runners.artifact import find_artifact
from zoo.runners.on_target.foreseen import multiply_adds_per_s

RUNS, SLACK = 3, 0.75


def measured(path: str, target: Target) -> tuple[str, float]:
    """An artifact's precision, and its multiply-adds a second on a target; no number where nobody counted."""
    artifact, card = find_artifact(path)
    inputs = tuple(np.full(shape, 0.5, np.float32) for shape in card.feed.shapes)
    runner = replace(artifact, device=target.name, target=target).open(threads=1)
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        runner.run(inputs)
        times.append(time.perf_counter() - start)
    return artifact.precision, (card.multiply_adds or np.nan) / min(times)


def main() -> None:
    declared = [target for target in workflow.declared().targets.values() if not target.is_timed]
    targets = [replace(each, agent=f"results/targets/{each.architecture}/agent") for each in declared]
    slowest: dict[str, float] = {}
    print(f"{'':<48}" + "".join(f"{target.name:>10}" for target in targets))
    for path in sys.argv[1:]:
        rates = [measured(path, target) for target in targets]
        print(f"{path:<48}" + "".join(f"{rate / 1e9:10.3f}" for _, rate in rates))
        for precision, rate in rates:
            slowest[precision] = np.fmin(rate, slowest.get(precision, np.inf))
    for precision, rate in slowest.items():
        gone_by = multiply_adds_per_s(precision)
        print(f"{precision}: slowest {rate / 1e9:.3f}, gone by {gone_by / 1e9:.3f}")
    sys.exit(any(rate < SLACK * multiply_adds_per_s(precision) for precision, rate in slowest.items()))


if __name__ == "__main__":
    main()
