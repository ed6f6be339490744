"""Pack a verified ncnn artifact with the programs that run it."""

from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.deploy.bundle import write_bundle
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, card: str, device: str, artifact: str, param: str, weights: str, output: str) -> None:
    write_bundle(ModelCard.read(card), device, artifact, Path(param), Path(weights), Path(output))


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    with reporting(snakemake.log[0], f"deploy {names.device}/{names.model}/{names.artifact}"):
        main(
            card=files.card,
            device=names.device,
            artifact=names.artifact,
            param=files.files[0],
            weights=files.files[1],
            output=snakemake.output[0],
        )
