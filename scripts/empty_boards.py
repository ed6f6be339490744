"""Take away what boards keep of builds."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from zoo.config.targets import Target
from zoo.jobs.reporting import reporting
from zoo.runners.on_target.reach import emptied

snakemake: Any


def main(*, boards: Iterable[Mapping[str, Any]]) -> None:
    for board in boards:
        target = Target(**board)
        files, taken = emptied(target)
        print(f"note: {files} files with {taken / 1e6:.1f} MB were taken from {target.name}", file=sys.stderr)


if __name__ == "__main__":
    with reporting(snakemake.log[0], "empty_boards", snakemake):
        main(boards=snakemake.params.boards)
