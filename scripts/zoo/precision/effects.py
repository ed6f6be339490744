"""What the float16 arithmetic of each layer does to the outputs: measured in one run on the device.

Each layer's output there is compared with what this machine computes in float32 from the layer's input there;
what differs, put on the same layer's output here, tells by the outputs here what it does to the model.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays, Floats
from zoo.ncnn.graph import Graph, source_blob
from zoo.ncnn.layer import Layer
from zoo.runners import LayerRunner
from zoo.runners.ncnn_runner import NcnnRunner, model_inputs, model_outputs

NUMBERS = 4096
"""Of an output with more numbers so many are looked at."""
_SOURCES = ("Input", "Split", "MemoryData")
"""ncnn's layer types that compute nothing."""


class Broken(NamedTuple):
    """A layer that gives what is not finite for a finite input. wide: its output is too large for float16."""

    name: str
    wide: bool


@dataclass(frozen=True)
class Effect:
    """Of one probe.

    outputs: of the model on the device. here: those on this machine; effects: how the error of each layer, by
    name, changes these; each with `NUMBERS` numbers at most. broken: what gives no numbers; there may be more
    behind. float16: the layers that gave nothing there which float16 could not hold: so they are stored.
    """

    outputs: Arrays
    here: Arrays
    effects: Mapping[str, Arrays]
    broken: tuple[Broken, ...]
    float16: frozenset[str]


def effect(graph: Graph, here: NcnnRunner, there: LayerRunner, inputs: Arrays) -> Effect:
    """What the layers of a model do for one input. here: its file on this machine's CPU, which computes in
    float32; there: the same on the device."""
    given = dict(zip(model_inputs(graph), inputs, strict=True))
    names = model_outputs(graph)
    plain = here.computed(given, names)
    places = [_places(each.size) for each in plain]
    effects: dict[str, Arrays] = {}
    outputs: dict[str, Floats] = {}
    broken, float16 = [], set()
    for layer, taken, got, base in _runs(graph, here, there, given):
        outputs |= {blob: values for blob, values in got.items() if blob in names}
        if all(np.array_equal(each, _float16(each), equal_nan=True) for each in got.values()):
            float16.add(layer.name)
        if not all(map(_finite, got.values())):
            if all(map(_finite, taken.values())):
                exact = here.computed(taken, layer.outputs)
                broken.append(Broken(layer.name, not all(_finite(_float16(each)) for each in exact)))
            continue
        exact = here.computed(taken, layer.outputs)
        errors = [_error(values, wanted) for values, wanted in zip(got.values(), exact, strict=True)]
        if any(error.any() for error in errors):
            moved = {blob: base[blob] + error for blob, error in zip(got, errors, strict=True)}
            changed = here.computed({**given, **moved}, names)
            effects[layer.name] = tuple(
                (one - other).ravel()[where] for one, other, where in zip(changed, plain, places, strict=True)
            )
    return Effect(
        tuple(outputs[name] for name in names),
        tuple(each.ravel()[where] for each, where in zip(plain, places, strict=True)),
        effects,
        tuple(broken),
        frozenset(float16),
    )


def _runs(
    graph: Graph, here: NcnnRunner, there: LayerRunner, given: Mapping[str, Floats]
) -> Iterator[tuple[Layer, dict[str, Floats], dict[str, Floats], dict[str, Floats]]]:
    """Each layer that computes, what it takes and gives on the device, and what it gives here, by blob."""
    layers = [layer for layer in graph.layers if layer.type not in _SOURCES]
    blobs = [blob for layer in layers for blob in layer.outputs]
    readers = Counter(source_blob(graph, blob) for layer in layers for blob in layer.inputs)
    held = dict(given)
    for layer in graph.of_type("MemoryData"):
        held |= dict(zip(layer.outputs, here.computed({}, layer.outputs), strict=True))
    inputs = tuple(given.values())
    pairs = zip(there.blobs(inputs, blobs), here.blobs(inputs, blobs), strict=True)
    for layer in layers:
        got, base = {}, {}
        for blob in layer.outputs:
            (_, got[blob]), (_, own) = next(pairs)
            base[blob] = own.copy()  # ncnn's own memory
        held |= {blob: values.copy() for blob, values in got.items() if readers[blob]}
        taken = {blob: held[source_blob(graph, blob)] for blob in layer.inputs}
        yield layer, taken, {blob: values.copy() for blob, values in got.items()}, base
        for blob in (source_blob(graph, each) for each in layer.inputs):
            readers[blob] -= 1
            if not readers[blob]:
                del held[blob]


def _error(got: Floats, exact: Floats) -> Floats:
    """What a layer's output lacks, beside what storing it in float16 takes, if that is how it was stored."""
    differences = got - exact, got - _float16(exact)
    return min(differences, key=lambda each: float(np.square(each).sum()))


def _float16(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32)


def _finite(values: Floats) -> bool:
    return bool(np.isfinite(values).all())


def _places(size: int) -> NDArray[np.int64] | slice:
    """The numbers of an output that are looked at: the same for every probe and layer."""
    return slice(None) if size <= NUMBERS else np.random.default_rng(0).choice(size, NUMBERS, replace=False)
