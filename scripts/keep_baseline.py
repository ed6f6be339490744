"""Keep the present figures of all artifacts as the baseline of later builds."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.history import baseline
from zoo.history.build import gather
from zoo.history.environment import Environment
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, proofs: Iterable[str], home: str, output: str) -> None:
    kept = gather(proofs, Environment.now(Path(), Path(home)), with_layers=True)
    if not kept:
        raise ZooError("there is no verification to keep figures of; build something first")
    baseline.write(output, kept)
    for figures in kept:
        if not figures.passed:
            print(f"note: {figures.name} is kept as it is: it fails its verification", file=sys.stderr)
    print(
        f"{output} has the figures of {len(kept)} artifacts; keep it under version control", file=sys.stderr
    )


if __name__ == "__main__":
    with reporting(snakemake.log[0], "keep_baseline", snakemake):
        main(
            proofs=snakemake.input.proofs,
            home=snakemake.params.home,
            output=snakemake.params.baseline,
        )
