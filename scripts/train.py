"""Train or fine-tune a model on class folders, and describe it for all later jobs."""

from pathlib import Path
from typing import Any

from zoo.cache.job import cached
from zoo.config.model_spec import ModelSpec
from zoo.config.training.images import parts
from zoo.images.planned import as_planned, tell_left_out
from zoo.jobs.files import replacing, sha256
from zoo.jobs.reporting import reporting
from zoo.models.card import describe
from zoo.models.state_dict import save
from zoo.training.machine import Machine
from zoo.training.train import train

snakemake: Any


def main(*, spec: ModelSpec, images: Path, threads: int, code: str, weights: str, card: str) -> None:
    # Kept, so that a card that changes, by another licence or other labels, asks for no second training.
    checkpoint = Path(weights).with_suffix(".training")
    model, source = train(spec, images, Machine.here(threads), checkpoint, code)
    with replacing(weights) as (temporary,):
        save(model, temporary)
        describe(spec, model, source, sha256(temporary)).write(card)


if __name__ == "__main__":
    spec = ModelSpec.from_dict(snakemake.params.spec)
    folder = Path(snakemake.params.folder)
    # Of images that a rule writes there is one state, of others one a part.
    states = snakemake.params.images_state
    planned = [] if isinstance(states, str) else zip(parts(spec.weights, folder), states, strict=True)
    with reporting(snakemake.log[0], f"train {spec.name}", snakemake), as_planned(*planned):
        tell_left_out(*parts(spec.weights, folder))
        cached(snakemake, main)(
            spec=spec,
            images=folder,
            threads=snakemake.threads,
            code=str(snakemake.params.code),
            weights=snakemake.output.weights,
            card=snakemake.output.card,
        )
