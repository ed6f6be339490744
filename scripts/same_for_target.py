"""Copy records of an artifact that a target shares with this machine's CPU."""

import shutil
from collections.abc import Sequence
from typing import Any

from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, files: Sequence[str], outputs: Sequence[str]) -> None:
    with replacing(*outputs) as paths:
        for file, path in zip(files, paths, strict=True):
            shutil.copyfile(file, path)


if __name__ == "__main__":
    with reporting(snakemake.log[0], "for {target}/{model}".format(**snakemake.wildcards), snakemake):
        main(files=snakemake.input, outputs=snakemake.output)
