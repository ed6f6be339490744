"""Pack the artifact to ship with the programs that run it."""

from pathlib import Path
from typing import Any

from zoo.config.records.best import BestArtifact
from zoo.config.records.card import ModelCard
from zoo.config.records.verification import Verification
from zoo.deploy.bundle import write_bundle
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, card: str, record: str, output: str) -> None:
    artifact, folder = BestArtifact.read(record).artifact, Path(record).parent
    proof = Verification.read(folder / f"{artifact}.verify.json")
    param, weights = (folder / f"{artifact}{end}" for end in (".param", ".bin"))
    write_bundle(ModelCard.read(card), proof, param, weights, Path(output))


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    with reporting(snakemake.log[0], f"deploy {names.device}/{names.model}/best", snakemake):
        main(card=files.card, record=files.record, output=snakemake.output[0])
