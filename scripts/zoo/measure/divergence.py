"""The layer where an ncnn artifact leaves its fp32 original, found by comparing the outputs of all layers."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ArtifactError
from zoo.images.decode import load
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.jobs.isolation import isolated
from zoo.measure.layer_difference import LayerDifference
from zoo.measure.metrics import cosine, ratio_db
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
) -> dict[str, Any]:
    """The divergence part of a verification report: every layer's difference, and the first that diverges.

    A layer diverges if its output's cosine to fp32 on the CPU falls below `threshold` for any image.
    Raises ArtifactError if the artifact cannot be run, or a layer's output has another shape than in fp32.
    """
    layers = isolated(str(artifact), layer_differences, artifact, fp32, samples, feed, threads)
    first = next((layer for layer in layers if layer.cosine < threshold), None)
    return {
        "reference": "fp32",
        "threshold": threshold,
        "images": len(samples),
        "first": asdict(first) if first else None,
        "layers": [asdict(layer) for layer in layers],
    }


def layer_differences(
    artifact: Artifact, fp32: Sequence[Path], samples: Sequence[Sample], feed: Feed, threads: int
) -> list[LayerDifference]:
    """Differences of all layers that both graphs have, in the graph's order, over `samples`."""
    graph, original = (Graph(read_param(pair[0]).layers) for pair in (artifact.files, fp32))
    shared = set(original.blobs)
    makers = {
        layer.outputs[0]: layer
        for layer in graph.layers
        if layer.type not in ("Input", "Split", "MemoryData") and layer.outputs[0] in shared
    }
    names = list(makers)
    reference = load_runner(fp32, "cpu", threads, "fp32")
    runner = load_runner(artifact.files, artifact.device, threads, artifact.precision)
    worst = dict.fromkeys(names, 1.0)
    signal, noise, peak = (dict.fromkeys(names, 0.0) for _ in range(3))
    for _, inputs in load(samples, feed, threads):
        pairs = zip(reference.blobs(inputs, names), runner.blobs(inputs, names), strict=True)
        for (name, expected), (_, got) in pairs:
            if got.shape != expected.shape:
                raise ArtifactError(
                    f"{artifact}: {makers[name]} gives {got.shape}, in fp32 it gives {expected.shape}; "
                    "build both again"
                )
            worst[name] = min(worst[name], cosine(expected, got))
            signal[name] += float(np.sum(np.square(expected, dtype=np.float64)))
            noise[name] += float(np.sum(np.square(expected.astype(np.float64) - got)))
            peak[name] = max(peak[name], float(np.nan_to_num(np.abs(expected)).max(initial=0)))
    return [
        LayerDifference(
            layer.name, layer.type, blob, worst[blob], ratio_db(signal[blob], noise[blob]), peak[blob]
        )
        for blob, layer in makers.items()
    ]
