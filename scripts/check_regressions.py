"""Compare the present figures with those of the baseline; stop with what got worse."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.config.settings import Regression
from zoo.errors import ZooError
from zoo.history.baseline import read
from zoo.history.build import gather
from zoo.history.environment import Environment
from zoo.history.regressions import compare
from zoo.jobs.reporting import reporting

snakemake: Any


def main(
    *,
    baseline: str,
    proofs: Iterable[str],
    undeclared: Iterable[str],
    elsewhere: Iterable[str],
    margins: Mapping[str, Mapping[str, float]],
    home: str,
) -> None:
    kept = read(baseline)
    present = gather(proofs, Environment.now(Path(), Path(home)), with_layers=True)
    found = compare(kept, present, {model: Regression(**values) for model, values in margins.items()})
    worse = [*found.worse, *(f"{name}: the zoo does not declare it any more" for name in undeclared)]
    notes = [*found.notes, *(f"{name}: this machine does not build for its device" for name in elsewhere)]
    for note in notes:
        print(f"note: not compared: {note}", file=sys.stderr)
    if not present and not worse:
        raise ZooError(f"nothing that {baseline} has can be compared on this machine")
    if worse:
        raise ZooError("\n  ".join([f"{len(worse)} worse than in {baseline}:", *worse]))
    print(f"{len(present)} artifacts are as good as in {baseline}", file=sys.stderr)


if __name__ == "__main__":
    params = snakemake.params
    with reporting(snakemake.log[0], "check_regressions", snakemake):
        main(
            baseline=params.baseline,
            proofs=snakemake.input.proofs,
            undeclared=params.undeclared,
            elsewhere=params.elsewhere,
            margins=params.margins,
            home=params.home,
        )
