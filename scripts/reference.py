"""Run the untouched model, in torch or, if it is an ONNX file, in onnxruntime, and keep its outputs."""

from collections.abc import Callable
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from zoo.array_types import Arrays
from zoo.cache.job import cached
from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import ModelCard
from zoo.images.decode import load as load_samples
from zoo.images.inputs import Feed
from zoo.images.planned import as_planned, tell_left_out
from zoo.images.sets import ImageSet, Sample, samples
from zoo.jobs.isolation import ANSWER_S, answering, isolated
from zoo.jobs.reporting import reporting
from zoo.models.state_dict import load
from zoo.runners.artifact import Artifact
from zoo.runners.confined import confined
from zoo.runners.inference import run, stacked
from zoo.runners.reference import Reference
from zoo.runners.torch_batches import answers, device_of_float32
from zoo.runners.torch_outputs import tensors_of

snakemake: Any


def in_torch(spec: ModelSpec, weights: str, chosen: list[Sample], feed: Feed, threads: int) -> Arrays:
    device = device_of_float32(threads)
    model = load(spec, weights).to(device)
    loaded = load_samples(chosen, feed, threads, title=f"reference {spec.name}")
    read = (inputs for _, inputs in loaded)
    inputs = answering(read) if parent_process() else read
    return stacked(list(answers(lambda batch: tuple(tensors_of(model(*batch))), inputs, device)))


def in_onnxruntime(spec: ModelSpec, weights: str, chosen: list[Sample], feed: Feed, threads: int) -> Arrays:
    artifact = Artifact(spec.name, "cpu", "reference", "onnxruntime", "fp32", (Path(weights),))
    return run(artifact, chosen, feed, threads)[0]


def in_bounds(
    run_all: Callable[..., Arrays], spec: ModelSpec, weights: str, chosen: list[Sample], *more: Any
) -> Arrays:
    """The same of a stranger's program, in a child process. CUDA takes memory and files that a confined one
    does not get, so that on a GPU only the time is limited."""
    what, arguments = f"the model of {spec.architecture}", (spec, weights, chosen, *more)
    if device_of_float32(1) != "cpu":
        return isolated(what, run_all, *arguments)
    return confined(what, run_all, *arguments, seconds=ANSWER_S * (1 + len(chosen)))


RUNTIMES = {"torch": in_torch, "onnxruntime": in_onnxruntime}


def main(
    *, spec: ModelSpec, weights: str, card: str, images: dict[str, Any], threads: int, output: str
) -> None:
    described = ModelCard.read(card)
    feed = described.feed
    chosen = samples(ImageSet.from_dict(images), described.classes)
    run_all = RUNTIMES[spec.kind.runtime]
    if spec.kind.is_file and run_all is in_torch:
        run_all = partial(in_bounds, run_all)
    first = run_all(spec, weights, chosen, feed, threads)
    other = feed.second()
    second = None if other is None else run_all(spec, weights, chosen, other, threads)
    Reference.of(chosen, first, described.task, second).save(Path(output))


if __name__ == "__main__":
    spec = ModelSpec.from_dict(snakemake.params.spec)
    images = snakemake.params.images, snakemake.params.images_state
    title = f"reference {spec.name} ({snakemake.wildcards.purpose})"
    with reporting(snakemake.log[0], title, snakemake), as_planned(images):
        tell_left_out(snakemake.params.images)
        cached(snakemake, main)(
            spec=spec,
            weights=snakemake.input.weights,
            card=snakemake.input.card,
            images=snakemake.params.images,
            threads=snakemake.threads,
            output=snakemake.output[0],
        )
