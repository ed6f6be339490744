"""How many multiply-adds an emulated processor does in a second: what a long job is announced by
(`zoo.runners.on_target.foreseen`).

    python benchmarks/emulated_rate.py results/cpu/*/{fp32,fp16,int8}.param

For each artifact of the zoo in this folder and each emulated target of its config.yaml, the best of RUNS runs
by one process, and the slowest of all at the end. The agent must be there, which
`snakemake results/targets/aarch64/agent` builds. Ends with status 1 if one is slower than what is gone by.
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
from zoo.runners.on_target.foreseen import MULTIPLY_ADDS_PER_S

RUNS = 3


def measured(path: str, target: Target) -> float | None:
    """Multiply-adds a second of one artifact on a target; None where nobody counted them."""
    artifact, card = find_artifact(path)
    if card.multiply_adds is None:
        return None
    inputs = tuple(np.full(shape, 0.5, np.float32) for shape in card.feed.shapes)
    runner = replace(artifact, device=target.name, target=target).open(threads=1)
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        runner.run(inputs)
        times.append(time.perf_counter() - start)
    return card.multiply_adds / min(times)


def main() -> None:
    targets = [target for target in workflow.declared().targets.values() if not target.is_timed]
    found = []
    print(f"{'':<48}" + "".join(f"{target.name:>10}" for target in targets) + "   10^9/s")
    for path in sys.argv[1:]:
        rates = [
            measured(path, replace(target, agent=f"results/targets/{target.architecture}/agent"))
            for target in targets
        ]
        found += [rate for rate in rates if rate]
        print(f"{path:<48}" + "".join(f"{(rate or np.nan) / 1e9:10.3f}" for rate in rates))
    print(f"slowest {min(found) / 1e9:.3f}, gone by {MULTIPLY_ADDS_PER_S / 1e9:.3f}")
    sys.exit(min(found) < MULTIPLY_ADDS_PER_S)


if __name__ == "__main__":
    main()
