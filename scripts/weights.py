"""Fetch a model's weights, and describe the model for all later jobs."""

from typing import Any

from zoo.cache.job import cached
from zoo.config.model_spec import ModelSpec
from zoo.jobs.files import replacing, sha256
from zoo.jobs.reporting import reporting
from zoo.models.card import describe
from zoo.models.state_dict import save
from zoo.models.weights import fetch

snakemake: Any


def main(*, spec: ModelSpec, weights: str, card: str) -> None:
    model, source = fetch(spec)
    with replacing(weights) as (temporary,):
        save(model, temporary)
        describe(spec, model, source, sha256(temporary)).write(card)


if __name__ == "__main__":
    spec = ModelSpec.from_dict(snakemake.params.spec)
    with reporting(snakemake.log[0], "weights", snakemake):
        cached(snakemake, main, anywhere=True)(
            spec=spec, weights=snakemake.output.weights, card=snakemake.output.card
        )
