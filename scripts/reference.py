"""Run the untouched model, in torch or, if it is an ONNX file, in onnxruntime, and keep its outputs."""

from pathlib import Path
from typing import Any

from zoo.array_types import Arrays
from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import ModelCard
from zoo.images.decode import load as load_samples
from zoo.images.inputs import Feed
from zoo.images.planned import as_planned
from zoo.images.sets import ImageSet, Sample, samples
from zoo.jobs.reporting import reporting
from zoo.models.state_dict import load
from zoo.runners.artifact import Artifact
from zoo.runners.inference import run, stacked
from zoo.runners.reference import Reference
from zoo.runners.torch_batches import answers, device_of_float32
from zoo.runners.torch_outputs import tensors_of

snakemake: Any


def in_torch(spec: ModelSpec, weights: str, chosen: list[Sample], feed: Feed, threads: int) -> Arrays:
    device = device_of_float32(threads)
    model = load(spec, weights).to(device)
    loaded = load_samples(chosen, feed, threads, title=f"reference {spec.name}")
    inputs = (inputs for _, inputs in loaded)
    return stacked(list(answers(lambda batch: tuple(tensors_of(model(*batch))), inputs, device)))


def in_onnxruntime(spec: ModelSpec, weights: str, chosen: list[Sample], feed: Feed, threads: int) -> Arrays:
    artifact = Artifact(spec.name, "cpu", "reference", "onnxruntime", "fp32", (Path(weights),))
    return run(artifact, chosen, feed, threads)[0]


RUNTIMES = {"torch": in_torch, "onnxruntime": in_onnxruntime}


def main(
    *, spec: ModelSpec, weights: str, card: str, images: dict[str, Any], threads: int, output: str
) -> None:
    described = ModelCard.read(card)
    feed = described.feed
    chosen = samples(ImageSet.from_dict(images), described.classes)
    run_all = RUNTIMES[spec.kind.runtime]
    first = run_all(spec, weights, chosen, feed, threads)
    other = feed.second()
    second = None if other is None else run_all(spec, weights, chosen, other, threads)
    Reference.of(chosen, first, described.task, second).save(Path(output))


if __name__ == "__main__":
    spec = ModelSpec.from_dict(snakemake.params.spec)
    images = snakemake.params.images, snakemake.params.images_state
    title = f"reference {spec.name} ({snakemake.wildcards.purpose})"
    with reporting(snakemake.log[0], title, snakemake), as_planned(images):
        main(
            spec=spec,
            weights=snakemake.input.weights,
            card=snakemake.input.card,
            images=snakemake.params.images,
            threads=snakemake.threads,
            output=snakemake.output[0],
        )
