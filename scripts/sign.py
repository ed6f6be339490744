"""Have the command that config.yaml names sign the manifest."""

from pathlib import Path
from typing import Any

from zoo.jobs.reporting import reporting
from zoo.provenance.signing import sign

snakemake: Any


def main(*, command: str | None, manifest: str, output: str) -> None:
    sign(command, Path(manifest), Path(output))


if __name__ == "__main__":
    with reporting(snakemake.log[0], "sign", snakemake):
        main(command=snakemake.params.command, manifest=snakemake.input.manifest, output=snakemake.output[0])
