"""Write the README.md of a model's folder, with the metadata that Hugging Face's hub reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.jobs.reporting import reporting
from zoo.provenance.model_card import read_facts, write_model_card

snakemake: Any


def main(*, card: str, device: str, proofs: Sequence[str], masks: Sequence[str], output: str) -> None:
    recipe = Fp16Recipe.read(masks[0]) if masks else None
    write_model_card(ModelCard.read(card), device, read_facts(proofs), Path(output), recipe)


if __name__ == "__main__":
    names = snakemake.wildcards
    with reporting(snakemake.log[0], f"model card {names.device}/{names.model}", snakemake):
        main(
            card=snakemake.input.card,
            device=names.device,
            proofs=snakemake.input.proofs,
            masks=snakemake.input.masks,
            output=snakemake.output[0],
        )
