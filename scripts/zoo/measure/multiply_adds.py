"""How many multiply-adds each layer with weights does in one run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.images.inputs import Shape
from zoo.jobs.isolation import isolated
from zoo.ncnn.graph import read_graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Gemm, MultiHeadAttention, Quantizable
from zoo.ncnn.weights import layers_with_weights, weight_count
from zoo.runners.ncnn_runner import NcnnRunner

_FEATURES = {"Gemm": Gemm.CONSTANT_N, "MultiHeadAttention": MultiHeadAttention.EMBED_DIM}
"""The parameter that holds how many features an output position has, where it is not NUM_OUTPUT."""


def multiply_adds(files: Sequence[Path], shapes: Sequence[Shape]) -> dict[str, int]:
    """By the name of each layer that a recipe names, for inputs of these shapes, such as (C, H, W), batch 1.

    files: an fp32 `.param` and `.bin`. Each weight is used once at every output position; products of two
    activations, as in attention, are not counted. Raises what running the model raises.
    """
    return isolated(str(files[0]), _multiply_adds, files, shapes)


def _multiply_adds(files: Sequence[Path], shapes: Sequence[Shape]) -> dict[str, int]:
    layers = {layer.outputs[0]: layer for layer in layers_with_weights(read_graph(files[0], files[1]))}
    runner = NcnnRunner(files[0], files[1], device="cpu", threads=1, precision="fp32")
    blobs = runner.blobs(tuple(np.zeros(shape, np.float32) for shape in shapes), list(layers))
    return {layers[blob].name: _count(layers[blob], values.size) for blob, values in blobs}


def _count(layer: Layer, elements: int) -> int:
    features = layer.param(_FEATURES.get(layer.type, Quantizable.NUM_OUTPUT))
    return weight_count(layer) * elements // max(features, 1)
