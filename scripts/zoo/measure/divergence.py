"""The layer where an ncnn artifact leaves its fp32 original, found by comparing the outputs of all layers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zoo.config.records.verification import Divergence, LayerDifference
from zoo.errors import ArtifactError
from zoo.images.decode import load
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.jobs.isolation import isolated
from zoo.measure.layer_difference import LayerComparison, compared_layers
from zoo.measure.structure import made_anew
from zoo.ncnn.graph import Graph, read_param
from zoo.runners import LayerRunner
from zoo.runners.artifact import Artifact
from zoo.runners.ncnn_runner import load as load_runner

Moved = Mapping[str, float | None]
"""A blob -> the constant that its values lack, or None where each channel has another scale than in fp32."""


def divergence(
    artifact: Artifact,
    fp32: Sequence[Path],
    samples: Sequence[Sample],
    feed: Feed,
    threshold: float,
    threads: int,
    moved: Moved | None = None,
) -> Divergence:
    """Every layer's difference, and the first that diverges.

    moved: the blobs of the artifact that are not what they are in fp32, on purpose. What was taken off is
    put back before a blob is compared; where that is None, it is left out.
    A layer diverges if its output's cosine to fp32 on the CPU falls below `threshold` for any image.
    Raises ArtifactError if the artifact cannot be run, or a layer's output has another shape than in fp32.
    """
    layers = isolated(str(artifact), layer_differences, artifact, fp32, samples, feed, threads, moved)
    first = next((layer for layer in layers if layer.cosine < threshold), None)
    return Divergence("fp32", threshold, len(samples), first, tuple(layers))


def layer_differences(
    artifact: Artifact,
    fp32: Sequence[Path],
    samples: Sequence[Sample],
    feed: Feed,
    threads: int,
    moved: Moved | None = None,
) -> list[LayerDifference]:
    """Differences of all layers that both graphs have, in the graph's order, over `samples`. moved: see
    `divergence`."""
    moved = moved or {}
    graph, original = (Graph(read_param(pair[0]).layers) for pair in (artifact.files, fp32))
    shared = set(original.blobs) - {blob for blob, taken_off in moved.items() if taken_off is None}
    layers = {blob: layer for blob, layer in compared_layers(graph).items() if blob in shared}
    names = list(layers)
    comparisons = [LayerComparison(layer.name, layer.type, blob) for blob, layer in layers.items()]
    reference = load_runner(fp32, "cpu", threads, "fp32")
    runner = artifact.open(threads)
    assert isinstance(runner, LayerRunner)  # an ncnn artifact's
    for _, inputs in load(samples, feed, threads):
        pairs = zip(reference.blobs(inputs, names), runner.blobs(inputs, names), strict=True)
        for comparison, ((name, expected), (_, got)) in zip(comparisons, pairs, strict=True):
            if got.shape != expected.shape:
                raise ArtifactError(
                    f"{artifact}: {layers[name]} gives {got.shape}, in fp32 it gives {expected.shape}; "
                    f"{made_anew(artifact.files, fp32)}"
                )
            comparison.add(expected, got + np.float32(moved.get(name) or 0.0))
    return [comparison.result() for comparison in comparisons]
