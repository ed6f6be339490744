"""Take a model that a file holds, ONNX or TorchScript, into the zoo, and describe it for all later jobs."""

import shutil
from pathlib import Path

from zoo.config.model_spec import ModelSpec
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.models.architecture import naming
from zoo.models.card import Traits, card_of, preprocess_record
from zoo.models.checkpoint import check_sha256
from zoo.models.libraries import library
from zoo.models.weights import check_finite
from zoo.onnx import source as onnx_file


def main(spec: ModelSpec, weights: str, card: str) -> None:
    path = Path(spec.architecture)
    with naming(spec):
        if spec.library == "onnx":
            model = onnx_file.read(path)
            feed = onnx_file.feed_of(spec, model, preprocess_record(spec))
            traits = Traits(feed, onnx_file.outputs_of(path, feed), onnx_file.parameters(model), None)
        else:
            module = library(spec).open_file(path)
            check_finite(path, module.state_dict())
            traits = Traits.of(spec, module)
        digest = check_sha256(path, spec.weights.sha256)
        source = {"kind": spec.library, "location": spec.architecture, "sha256": digest}
        with replacing(weights) as (temporary,):
            shutil.copyfile(path, temporary)
            card_of(spec, traits, source, digest).write(card)


if __name__ == "__main__":
    spec = ModelSpec.from_dict(snakemake.params.spec)
    with reporting(snakemake.log[0], "weights"):
        main(spec, snakemake.output.weights, snakemake.output.card)
