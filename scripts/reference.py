"""Run the untouched model, in torch or, if it is an ONNX file, in onnxruntime, and keep its outputs."""

from pathlib import Path
from typing import Any

import torch

from zoo.array_types import Arrays
from zoo.config.card import ModelCard
from zoo.config.model_spec import ModelSpec
from zoo.images.decode import load as load_samples
from zoo.images.inputs import Feed
from zoo.images.sets import ImageSet, Sample, samples
from zoo.jobs.reporting import reporting
from zoo.models.state_dict import load
from zoo.runners.artifact import Artifact
from zoo.runners.inference import run, stacked
from zoo.runners.reference import Reference
from zoo.runners.torch_batches import answers
from zoo.runners.torch_outputs import tensors_of

snakemake: Any


def in_torch(spec: ModelSpec, weights: str, chosen: list[Sample], feed: Feed, threads: int) -> Arrays:
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False  # it rounds products to 10 bits; the reference is float32
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load(spec, weights).to(device)
    loaded = load_samples(chosen, feed, threads, title=f"reference {spec.name}")
    inputs = (inputs for _, inputs in loaded)
    return stacked(list(answers(lambda batch: tuple(tensors_of(model(*batch))), inputs, device)))


def in_onnxruntime(spec: ModelSpec, weights: str, chosen: list[Sample], feed: Feed, threads: int) -> Arrays:
    artifact = Artifact(spec.name, "cpu", "reference", "onnxruntime", "fp32", (Path(weights),))
    return run(artifact, chosen, feed, threads)[0]


def main(spec: ModelSpec, weights: str, card: str, images: dict[str, Any], threads: int, output: str) -> None:
    described = ModelCard.read(card)
    feed = described.feed
    chosen = samples(ImageSet.from_dict(images), described.classes)
    run_all = in_onnxruntime if spec.library == "onnx" else in_torch
    first = run_all(spec, weights, chosen, feed, threads)
    other = feed.second()
    second = None if other is None else run_all(spec, weights, chosen, other, threads)
    Reference.of(chosen, first, described.task, second).save(Path(output))


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    spec = ModelSpec.from_dict(params.spec)
    with reporting(snakemake.log[0], f"reference {spec.name} ({snakemake.wildcards.purpose})"):
        main(spec, files.weights, files.card, params.images, snakemake.threads, snakemake.output[0])
