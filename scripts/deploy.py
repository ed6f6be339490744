"""Pack a verified ncnn artifact with the programs that run it."""

from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.config.records.verification import Verification
from zoo.deploy.bundle import write_bundle
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, card: str, proof: str, param: str, weights: str, output: str) -> None:
    record = Verification.read(proof)
    write_bundle(ModelCard.read(card), record, Path(param), Path(weights), Path(output))


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    with reporting(snakemake.log[0], f"deploy {names.device}/{names.model}/{names.artifact}", snakemake):
        main(
            card=files.card,
            proof=files.proof,
            param=files.files[0],
            weights=files.files[1],
            output=snakemake.output[0],
        )
