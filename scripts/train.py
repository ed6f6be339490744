"""Train or fine-tune a model on class folders, and describe it for all later jobs."""

from pathlib import Path

from zoo.files import replacing, sha256
from zoo.job import reporting
from zoo.model_card import model_card
from zoo.records import write_json
from zoo.spec import ModelSpec
from zoo.state_dict import save
from zoo.training import Machine, train


def main(spec: ModelSpec, images: Path, threads: int, code: str, weights: str, card: str) -> None:
    # Kept, so that a card that changes, by another licence or other labels, asks for no second training.
    checkpoint = Path(weights).with_suffix(".training")
    model, source = train(spec, images, Machine.here(threads), checkpoint, code)
    with replacing(weights) as (temporary,):
        save(model, temporary)
        write_json(model_card(spec, model, source, sha256(temporary)), card)


if __name__ == "__main__":
    params = snakemake.params
    spec = ModelSpec.from_dict(params.spec)
    with reporting(snakemake.log[0], f"train {spec.name}"):
        images, output = Path(params.folder), snakemake.output
        main(spec, images, snakemake.threads, str(params.code), output.weights, output.card)
