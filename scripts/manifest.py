"""Write what every file is and how it came to be; a signature of an older manifest goes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.jobs.reporting import reporting
from zoo.provenance.covered import found
from zoo.provenance.describe import describe

snakemake: Any


def main(*, possible: str, settings: Mapping[str, Any], sbom: str, signature: str, output: str) -> None:
    root = Path(output).parent  # which is elsewhere where results are stored
    manifest = describe(found(root, possible), settings, root, root / sbom)
    (root / signature).unlink(missing_ok=True)
    manifest.write(output)


if __name__ == "__main__":
    with reporting(snakemake.log[0], "manifest", snakemake):
        main(
            possible=snakemake.params.possible,
            settings=snakemake.params.settings,
            sbom=snakemake.params.sbom,
            signature=snakemake.params.signature,
            output=snakemake.output[0],
        )
