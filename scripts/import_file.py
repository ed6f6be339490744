"""Take a model that a file holds, ONNX or TorchScript, into the zoo, and describe it for all later jobs."""

import logging
from typing import Any

from zoo.config.model_spec import ModelSpec
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.models.architecture import naming
from zoo.models.card import card_of
from zoo.models.import_file import import_file, keep
from zoo.runners.confined import confined

snakemake: Any


def main(*, spec: ModelSpec, weights: str, card: str) -> None:
    with naming(spec):
        traits, source = confined(f"the model of {spec.architecture}", import_file, spec)
        described = card_of(spec, traits, source, source["sha256"])
    for change in traits.changes:
        logging.warning("%s: %s", spec.architecture, change)
    with replacing(weights) as (temporary,):
        keep(spec, temporary, changed=bool(traits.changes))
        described.write(card)


if __name__ == "__main__":
    spec = ModelSpec.from_dict(snakemake.params.spec)
    with reporting(snakemake.log[0], "weights", snakemake):
        main(spec=spec, weights=snakemake.output.weights, card=snakemake.output.card)
