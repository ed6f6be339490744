"""Train a model on a packaged data set, and describe it for all later jobs."""

from pathlib import Path

from zoo.files import replacing, sha256
from zoo.job import reporting
from zoo.model_card import model_card
from zoo.records import write_json
from zoo.spec import ModelSpec
from zoo.state_dict import save
from zoo.training import train


def main(spec: ModelSpec, dataset: Path, weights: str, card: str) -> None:
    model, source = train(spec, dataset)
    with replacing(weights) as (temporary,):
        save(model, temporary)
        write_json(model_card(spec, model, source, sha256(temporary)), card)


if __name__ == "__main__":
    spec = ModelSpec.from_dict(snakemake.params.spec)
    with reporting(snakemake.log[0], f"train {spec.name}"):
        main(spec, Path(snakemake.input.dataset), snakemake.output.weights, snakemake.output.card)
