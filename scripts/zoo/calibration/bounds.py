"""What a blob's values can be at most, whatever the image: derived from the layer that makes it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Clip, FusedActivation, HardSwish, Padding, PaddingType, Quantizable, ReLU
from zoo.ncnn.weights import QUANTIZABLE


@dataclass(frozen=True)
class Bound:
    """Every value lies in [low, high]; either may be infinite."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def absmax(self) -> float:
        """The largest |x| there can be."""
        return max(-self.low, self.high)

    def or_zero(self) -> "Bound":
        """The bound when zeros may be added, as padding does."""
        return Bound(min(self.low, 0.0), max(self.high, 0.0))


UNKNOWN = Bound()
_POSITIVE, _UNIT = Bound(low=0.0), Bound(0.0, 1.0)

# Minima of smooth activations, rounded down. Of x sigmoid(x): -0.27847 at -1.2785; of GELU: -0.16998 at
# -0.7518, by tanh -0.17004; of mish: -0.30885 at -1.1924; of hard-swish: -0.375 at -1.5.
_SWISH, _GELU, _MISH, _HARD_SWISH = Bound(-0.2785), Bound(-0.1701), Bound(-0.3089), Bound(-0.375)

_FIXED = {
    "Sigmoid": _UNIT,
    "HardSigmoid": _UNIT,
    "Softmax": _UNIT,
    "TanH": Bound(-1.0, 1.0),
    "Swish": _SWISH,
    "GELU": _GELU,
    "Mish": _MISH,
}

_COPYING = {
    "Split",
    "Reshape",
    "Flatten",
    "Permute",
    "Squeeze",
    "ExpandDims",
    "Slice",
    "Crop",
    "ShuffleChannel",
}


def bound(graph: Graph, blob: str) -> Bound:
    """The bound of a blob; `UNKNOWN` if its producer says nothing."""
    producer = graph.producer(blob)
    if producer is None:
        return UNKNOWN
    if producer.type in _COPYING:
        return bound(graph, producer.inputs[0])
    if producer.type in ("Pooling", "Padding"):
        return bound(graph, producer.inputs[0]).or_zero() if _pads_zero(producer) else UNKNOWN
    if producer.type == "Concat":
        parts = [bound(graph, each) for each in producer.inputs]
        return Bound(min(part.low for part in parts), max(part.high for part in parts))
    return _of_layer(producer)


def _pads_zero(layer: Layer) -> bool:
    """Whether a Pooling or Padding adds nothing to its input's values but zeros.

    A Padding that is not CONSTANT repeats its input's values; else it adds a value of its own, or one a
    channel.
    """
    if layer.type == "Pooling":
        return True
    repeats = layer.param(Padding.TYPE) != PaddingType.CONSTANT
    return not layer.param(Padding.PER_CHANNEL_PAD_DATA_SIZE) and (
        repeats or layer.params.get(Padding.VALUE, 0.0) == 0.0
    )


def _of_layer(layer: Layer) -> Bound:
    if layer.type == "Clip":
        return Bound(_number(layer, Clip.MIN, -math.inf), _number(layer, Clip.MAX, math.inf))
    if layer.type == "ReLU":
        return _POSITIVE if _number(layer, ReLU.SLOPE, 0.0) == 0.0 else UNKNOWN
    if layer.type == "HardSwish":
        return _hard_swish(_number(layer, HardSwish.ALPHA, 0.2), _number(layer, HardSwish.BETA, 0.5))
    if layer.type in QUANTIZABLE:
        arguments = layer.params.get(Quantizable.ACTIVATION_PARAMS, ())
        numbers = tuple(map(float, arguments)) if isinstance(arguments, tuple) else ()
        fused = _FUSED.get(layer.param(Quantizable.ACTIVATION_TYPE))
        return fused(numbers) if fused else UNKNOWN
    return _FIXED.get(layer.type, UNKNOWN)


def _hard_swish(alpha: float, beta: float) -> Bound:
    """x clip(alpha x + beta, 0, 1): its minimum is at x = -beta / (2 alpha)."""
    usual = math.isclose(alpha, 1 / 6, rel_tol=1e-3) and math.isclose(beta, 0.5)
    if usual:
        return _HARD_SWISH
    return Bound(-(beta**2) / (4 * alpha)) if alpha > 0 and beta > 0 else UNKNOWN


# by ACTIVATION_TYPE, for the numbers in ACTIVATION_PARAMS
_FUSED: dict[int, Callable[[tuple[float, ...]], Bound]] = {
    FusedActivation.RELU: lambda _: _POSITIVE,
    FusedActivation.CLIP: lambda numbers: Bound(*numbers[:2]) if len(numbers) >= 2 else UNKNOWN,
    FusedActivation.SIGMOID: lambda _: _UNIT,
    FusedActivation.MISH: lambda _: _MISH,
    FusedActivation.HARD_SWISH: lambda numbers: _hard_swish(*numbers[:2]) if len(numbers) >= 2 else UNKNOWN,
}


def _number(layer: Layer, param_id: int, default: float) -> float:
    value = layer.params.get(param_id, default)
    return float(value) if isinstance(value, int | float) else default
