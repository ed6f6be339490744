"""Bounds of blobs: what ncnn computes never leaves them, and comes near where they are tight."""

import numpy as np
import pytest

from samples.ncnn import chain, layer, normal, parameters, run
from zoo.calibration.bounds import UNKNOWN, Bound, bound
from zoo.ncnn.graph import Graph

CONVOLUTION = parameters("Convolution", num_output=4, kernel_w=1, bias_term=1, weight_data_size=12)
LAYERS = [
    ("Clip", parameters("Clip", min=0.0, max=6.0), Bound(0, 6)),
    ("ReLU", {}, Bound(0)),
    ("ReLU", parameters("ReLU", slope=0.1), UNKNOWN),
    ("Sigmoid", {}, Bound(0, 1)),
    ("HardSigmoid", {0: 1 / 6, 1: 0.5}, Bound(0, 1)),
    ("TanH", {}, Bound(-1, 1)),
    ("HardSwish", parameters("HardSwish", alpha=0.16666667, beta=0.5), Bound(-0.375)),
    ("HardSwish", {}, Bound(-0.3125)),
    ("Swish", {}, Bound(-0.2785)),
    ("Mish", {}, Bound(-0.3089)),
    ("GELU", {}, Bound(-0.1701)),
    ("GELU", parameters("GELU", fast_gelu=1), Bound(-0.1701)),
    ("Convolution", CONVOLUTION, UNKNOWN),
    ("Convolution", CONVOLUTION | parameters("Convolution", activation_type=1), Bound(0)),
    (
        "Convolution",
        CONVOLUTION | parameters("Convolution", activation_type=2, activation_params=(0.1,)),
        UNKNOWN,
    ),
    (
        "Convolution",
        CONVOLUTION | parameters("Convolution", activation_type=3, activation_params=(0.0, 6.0)),
        Bound(0, 6),
    ),
    ("Convolution", CONVOLUTION | parameters("Convolution", activation_type=4), Bound(0, 1)),
    ("Convolution", CONVOLUTION | parameters("Convolution", activation_type=5), Bound(-0.3089)),
    (
        "Convolution",
        CONVOLUTION | parameters("Convolution", activation_type=6, activation_params=(0.16666667, 0.5)),
        Bound(-0.375),
    ),
]


@pytest.mark.parametrize(("kind", "params", "expected"), LAYERS)
def test_ncnn_stays_within_the_bound(kind, params, expected, tmp_path):
    graph = chain(kind, params)
    found = bound(graph, "out0")
    assert found == expected
    output = run(graph, 8 * normal(3)(3 * 80 * 80).reshape(3, 80, 80), tmp_path)
    assert output.min() >= found.low - 1e-6 and output.max() <= found.high + 1e-6
    if np.isfinite(found.low):
        assert output.min() <= found.low + 0.01


def after_relu6(*layers: tuple[str, dict]) -> Bound:
    chained = [layer("Input", "in0", "", "in0"), layer("Clip", "relu6", "in0", "a0", min=0.0, max=6.0)]
    for index, (kind, params) in enumerate(layers):
        chained.append(layer(kind, f"l{index}", f"a{index}", f"a{index + 1}", params))
    return bound(Graph(tuple(chained)), f"a{len(layers)}")


def test_copies_pass_a_bound_on():
    assert after_relu6(
        ("Pooling", parameters("Pooling", pooling_type=1, global_pooling=1)),
        ("Flatten", {}),
        ("Reshape", parameters("Reshape", w=4)),
    ) == Bound(0, 6)
    assert after_relu6(("Padding", parameters("Padding", top=1, value=0.0))) == Bound(0, 6)
    assert after_relu6(("Padding", parameters("Padding", top=1, value=9.0))) == UNKNOWN
    assert after_relu6(("BinaryOp", parameters("BinaryOp", op_type=0, with_scalar=1, b=1.0))) == UNKNOWN


def test_parts_put_together_have_both_bounds():
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("Split", "split", "in0", "a b"),
            layer("Sigmoid", "s", "a", "c"),
            layer("TanH", "t", "b", "d"),
            layer("Concat", "cat", "c d", "out0"),
        )
    )
    assert bound(graph, "out0") == Bound(-1, 1)


def test_the_largest_absolute_value():
    assert Bound(-8, 6).absmax == 8
    assert Bound(0, 6).absmax == 6
    assert UNKNOWN.absmax == Bound(0).absmax == float("inf")
