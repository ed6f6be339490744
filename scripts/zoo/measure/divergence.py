"""The layer where an ncnn artifact leaves its fp32 original, found by comparing the outputs of all layers."""

from collections.abc import Sequence
from pathlib import Path

from zoo.config.records.verification import Divergence, LayerDifference
from zoo.errors import ArtifactError
from zoo.images.decode import load
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.jobs.isolation import isolated
from zoo.measure.layer_difference import LayerComparison, compared_layers
from zoo.ncnn.graph import Graph, read_param
from zoo.runners.artifact import Artifact
from zoo.runners.ncnn_runner import load as load_runner


def divergence(
    artifact: Artifact,
    fp32: Sequence[Path],
    samples: Sequence[Sample],
    feed: Feed,
    threshold: float,
    threads: int,
) -> Divergence:
    """Every layer's difference, and the first that diverges.

    A layer diverges if its output's cosine to fp32 on the CPU falls below `threshold` for any image.
    Raises ArtifactError if the artifact cannot be run, or a layer's output has another shape than in fp32.
    """
    layers = isolated(str(artifact), layer_differences, artifact, fp32, samples, feed, threads)
    first = next((layer for layer in layers if layer.cosine < threshold), None)
    return Divergence("fp32", threshold, len(samples), first, tuple(layers))


def layer_differences(
    artifact: Artifact, fp32: Sequence[Path], samples: Sequence[Sample], feed: Feed, threads: int
) -> list[LayerDifference]:
    """Differences of all layers that both graphs have, in the graph's order, over `samples`."""
    graph, original = (Graph(read_param(pair[0]).layers) for pair in (artifact.files, fp32))
    shared = set(original.blobs)
    layers = {blob: layer for blob, layer in compared_layers(graph).items() if blob in shared}
    names = list(layers)
    comparisons = [LayerComparison(layer.name, layer.type, blob) for blob, layer in layers.items()]
    reference = load_runner(fp32, "cpu", threads, "fp32")
    runner = load_runner(artifact.files, artifact.device, threads, artifact.precision)
    for _, inputs in load(samples, feed, threads):
        pairs = zip(reference.blobs(inputs, names), runner.blobs(inputs, names), strict=True)
        for comparison, ((name, expected), (_, got)) in zip(comparisons, pairs, strict=True):
            if got.shape != expected.shape:
                raise ArtifactError(
                    f"{artifact}: {layers[name]} gives {got.shape}, in fp32 it gives {expected.shape}; "
                    "build both again"
                )
            comparison.add(expected, got)
    return [comparison.result() for comparison in comparisons]
