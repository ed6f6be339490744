"""Whether a `.param`/`.bin` pair is sound, before ncnn sees it.

ncnn checks little: a short `.bin` or a wrong blob count crashes the process, surplus bytes and NaN pass
in silence. Each problem is one sentence.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from zoo.errors import ZooError
from zoo.ncnn.bin import INTEGERS, Array
from zoo.ncnn.graph import Graph, attach_weights, ordered_arrays, read_param
from zoo.ncnn.layer import Layer, is_scale


def check_files(param: str | Path, weights: str | Path) -> list[str]:
    """The problems of a pair of files, each sentence starting with the file; empty if it is sound."""
    return _check_files(param, weights)[0]


def load_checked(param: str | Path, weights: str | Path) -> Graph:
    """Read a pair that is about to be run; ZooError with every problem if it is not sound."""
    problems, graph = _check_files(param, weights)
    if graph is None or problems:
        raise ZooError("\n".join(problems))
    return graph


def _check_files(param: str | Path, weights: str | Path) -> tuple[list[str], Graph | None]:
    try:
        text = read_param(param)
    except ZooError as error:
        return [str(error)], None
    bare = Graph(text.layers)
    problems = [f"{param}: {problem}" for problem in check_wiring(bare)]
    if text.layer_count != len(text.layers):
        problems.append(f"{param}: the header counts {text.layer_count} layers, there are {len(text.layers)}")
    if text.blob_count != len(bare.blobs):
        problems.append(f"{param}: the header counts {text.blob_count} blobs, there are {len(bare.blobs)}")
    try:
        graph = attach_weights(text.layers, weights, param)
    except ZooError as error:
        return [*problems, str(error)], None
    return problems + [f"{weights}: {problem}" for problem in check_weights(graph)], graph


def check_wiring(graph: Graph) -> list[str]:
    """Problems of names and blobs.

    Every blob is made once, before it is read, and read at most once (ncnn frees a blob after its
    reader: several readers need a Split); layer names are unique; there is an Input and an output.
    """
    problems = [
        f"{count} layers are called {name}"
        for name, count in Counter(layer.name for layer in graph.layers).items()
        if count > 1
    ]
    makers: dict[str, Layer] = {}
    readers: dict[str, Layer] = {}
    for layer in graph.layers:
        for blob in layer.inputs:
            if blob not in makers:
                problems.append(f"{layer} reads blob {blob}, which no layer before it makes")
            if blob in readers:
                problems.append(f"blob {blob} is read by {readers[blob]} and {layer} without a Split")
            readers[blob] = layer
        for blob in layer.outputs:
            if blob in makers:
                problems.append(f"blob {blob} is made by {makers[blob]} and again by {layer}")
            makers[blob] = layer
    if not graph.inputs:
        problems.append("there is no Input layer")
    if not graph.outputs:
        problems.append("every blob is read by some layer, so there is no output")
    return problems


def check_weights(graph: Graph) -> list[str]:
    """Problems of the arrays: wrong sizes, NaN, inf, unusable scales, int8 weights without scales."""
    problems = []
    for layer in graph.layers:
        try:
            ordered_arrays(layer)
        except ZooError as error:
            problems.append(str(error))
            continue
        for role, array in layer.weights.items():
            problems += [f"{layer}: {role} {fault}" for fault in _faults(layer, role, array)]
    return problems


def _faults(layer: Layer, role: str, array: Array) -> list[str]:
    if array.storage in INTEGERS:
        scaled = any(is_scale(other) for other in layer.weights)
        return [] if scaled else ["is int8, but the layer has no scales"]
    values = array.floats() if array.codebook is None else array.codebook
    if is_scale(role):
        bad = ~(np.isfinite(values) & (values > 0))
        kind = "scales that are zero, negative or not finite"
    elif layer.type == "MemoryData":
        # It may hold an attention mask (-inf), or int32, of which small negative ones look like NaN;
        # arithmetic yields no NaN with such bits.
        integers = values.view(np.uint32) >= 0xFFFF0000
        bad = ~(np.isfinite(values) | np.isneginf(values) | integers)
        kind = "NaN or inf"
    else:
        bad = ~np.isfinite(values)
        kind = "NaN or inf"
    count = int(np.count_nonzero(bad))
    return [f"holds {kind} ({count} of {values.size}, the first at {bad.argmax()})"] if count else []
