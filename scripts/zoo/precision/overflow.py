"""Which layers give numbers that do not fit into float16, by what they give in fp32."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.array_types import FLOAT16_MAX
from zoo.images.decode import load
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.jobs.isolation import isolated
from zoo.measure.layer_difference import compared_layers
from zoo.ncnn.graph import Graph, read_param
from zoo.runners.ncnn_runner import NcnnRunner

HEADROOM = 2.0
"""Images that were not seen may reach so many times further than those that were."""


def peaks(fp32: Sequence[Path], samples: Sequence[Sample], feed: Feed, threads: int) -> dict[str, float]:
    """The largest absolute output of each layer over samples, by name, in fp32 on this machine's CPU.

    Raises what running the model raises.
    """
    return isolated(str(fp32[0]), _peaks, fp32, samples, feed, threads)


def overflowing(found: dict[str, float]) -> dict[str, float]:
    """Those of the peaks that float16 cannot hold, or could not for other images."""
    return {name: peak for name, peak in found.items() if not peak * HEADROOM <= FLOAT16_MAX}


def _peaks(fp32: Sequence[Path], samples: Sequence[Sample], feed: Feed, threads: int) -> dict[str, float]:
    layers = compared_layers(Graph(read_param(fp32[0]).layers)).values()
    names = {blob: layer.name for layer in layers for blob in layer.outputs}
    runner = NcnnRunner(fp32[0], fp32[1], "cpu", threads, "fp32")
    found = dict.fromkeys((layer.name for layer in layers), 0.0)
    for _, inputs in load(samples, feed, threads):
        for blob, values in runner.blobs(inputs, list(names)):
            found[names[blob]] = max(found[names[blob]], float(np.abs(values).max(initial=0.0)))
    return found
