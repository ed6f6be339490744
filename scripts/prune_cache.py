"""Remove from the shared cache what was used least recently, until it is as small as config.yaml says."""

import sys
from pathlib import Path
from typing import Any

from zoo.cache.store import Store
from zoo.errors import ZooError
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, folder: str | None, limit: int | None) -> None:
    if folder is None:
        raise ZooError(
            "no cache is shared; say in config.yaml which: cache: {folder: ~/zoo-cache, max_gb: 50}"
        )
    store = Store.opened(Path(folder).expanduser().absolute())
    count, size = store.size()
    removed, freed = (0, 0) if limit is None else store.prune(limit)
    left = f"{count - removed} with {(size - freed) / 1e9:.2f} GB are left"
    print(
        f"note: {removed} entries with {freed / 1e9:.2f} GB were removed from {folder}; {left}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    with reporting(snakemake.log[0], "prune_cache", snakemake):
        main(folder=snakemake.params.folder, limit=snakemake.params.limit)
