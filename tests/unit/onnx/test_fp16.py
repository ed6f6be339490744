"""float16 ONNX models: faithful, sound, and float just where float16 breaks them."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from samples.onnx import chain, noise, run, timm_model
from zoo.errors import ZooError
from zoo.measure.closeness import closeness
from zoo.measure.gates import failures
from zoo.measure.metrics import sqnr_db
from zoo.onnx.fp16 import KEPT_FLOAT, convert, emulated, to_fp16

GATES = {"min_cosine": 0.999}


def kept(model: onnx.ModelProto) -> dict[str, str]:
    (entry,) = [each.value for each in model.metadata_props if each.key == KEPT_FLOAT]
    return json.loads(entry)


def kinds(model: onnx.ModelProto) -> dict[str, int]:
    return {tensor.name: tensor.data_type for tensor in model.graph.initializer}


@pytest.fixture(scope="module", params=["test_convnext", "test_resnet"])
def pair(request, tmp_path_factory):
    """A tiny timm model, and the same in float16."""
    model = timm_model(request.param, tmp_path_factory.mktemp("onnx"))
    return model, to_fp16(model, noise(model, 2), GATES, True)


def test_a_timm_model_becomes_float16_as_a_whole(pair):
    model, half = pair
    onnx.checker.check_model(half, full_check=True)
    assert kept(half) == {}
    assert set(kinds(half).values()) - {TensorProto.INT64} == {TensorProto.FLOAT16}
    assert half.ByteSize() < 0.7 * model.ByteSize()
    assert not {node.domain for node in half.graph.node} - {"", "ai.onnx"}


def test_it_computes_what_fp32_does_on_other_inputs(pair):
    model, half = pair
    other = noise(model, 4, seed=1)
    for form in (half, emulated(half)):
        assert 50 < sqnr_db(run(model, other), run(form, other)) < 100


def test_inputs_and_outputs_stay_float32(pair):
    for value in (*pair[1].graph.input, *pair[1].graph.output):
        assert value.type.tensor_type.elem_type == TensorProto.FLOAT


def test_the_same_model_gives_the_same_bytes(tmp_path):
    model = timm_model("test_resnet", tmp_path)
    first, second = (to_fp16(model, noise(model, 2), GATES, True) for _ in range(2))
    assert first.SerializeToString() == second.SerializeToString()


def convolution(seed: int = 0, scale: float = 1.0) -> tuple[str, np.ndarray]:
    return "Conv", np.random.default_rng(seed).standard_normal((3, 3, 1, 1)) * scale


OVERFLOWING = (convolution(0), ("Mul", 1e6), ("Mul", 1e-6), ("Relu", None), convolution(1))


def test_emulation_rounds_every_result_where_onnxruntime_may_not():
    model = chain(*OVERFLOWING)
    feeds = noise(model, 2)
    assert not np.isfinite(run(emulated(convert(model, ["node_1"])), feeds)).all()
    rounded = run(emulated(convert(chain(("Mul", 1.0), ("Add", 0.0)), [])), feeds)
    expected = np.stack([feed["data"].ravel() for feed in feeds]).astype(np.float16)
    np.testing.assert_array_equal(rounded, expected)


def test_a_layer_whose_output_overflows_is_kept_float_and_so_is_its_reader():
    model = chain(*OVERFLOWING)
    feeds = noise(model, 4)
    half = to_fp16(model, feeds, GATES, True)
    assert list(kept(half)) == ["node_1", "node_2"]
    assert "it makes value_1, which reaches " in kept(half)["node_1"]
    assert kinds(half) == {"weight_0": 10, "weight_1": 1, "weight_2": 1, "weight_4": 10}
    np.testing.assert_allclose(run(emulated(half), feeds), run(model, feeds), rtol=0.02, atol=0.02)


def test_a_weight_that_float16_cannot_hold_is_not_cut_to_its_range():
    model = chain(convolution(0, 1e-3), ("Mul", 1e5), ("Mul", 1e-4), convolution(1))
    half = to_fp16(model, noise(model, 2), GATES, True)
    assert "its weight weight_1 holds 100000, beyond 65504" in kept(half)["node_1"]
    assert kinds(half)["weight_1"] == TensorProto.FLOAT and kinds(half)["weight_3"] == TensorProto.FLOAT16
    assert sqnr_db(run(model, noise(model, 2)), run(half, noise(model, 2))) > 50


def test_a_layer_that_loses_what_it_subtracts_is_found_by_measuring():
    # 2000 is added and taken away: float16 keeps one bit behind the point there, and no range is left
    model = chain(convolution(0), ("Add", 2000.0), ("Sub", 2000.0), ("Mul", 3.0), convolution(1))
    feeds = noise(model, 4)
    half = to_fp16(model, feeds, {"min_cosine": 0.99999}, True)
    assert set(kept(half)) == {"node_1", "node_2"}
    assert all(
        "with it in float16, cosine similarity of the worst image is" in why for why in kept(half).values()
    )
    assert sqnr_db(run(model, feeds), run(emulated(half), feeds)) > 50
    by_noise = to_fp16(model, feeds, {"min_sqnr_db": 50}, True)
    assert all("with it in float16, SQNR in dB is" in why for why in kept(by_noise).values())


def test_two_float_layers_may_read_one_tensor_and_hand_on_what_float16_cannot_hold():
    model = chain(("Mul", 1e6), ("Mul", 1e-6), ("Relu", None))
    twice = onnx.ModelProto()
    twice.CopyFrom(model)
    twice.graph.node[2].input.append("value_0")
    twice.graph.node[2].op_type = "Max"
    half = convert(twice, ["node_0", "node_1", "node_2"])
    onnx.checker.check_model(half, full_check=True)
    assert [node.op_type for node in half.graph.node] == ["Mul", "Mul", "Max"], "no cast is left"
    feeds = noise(model, 2)
    np.testing.assert_array_equal(run(half, feeds), run(twice, feeds))


def test_a_model_that_float16_breaks_everywhere_is_refused_with_a_layer():
    model = chain(("Mul", 1e6), ("Mul", 2.0))
    with pytest.raises(ZooError, match=r"no layer with weights can be float16; layer node_0: .*fp32\.onnx"):
        to_fp16(model, noise(model, 2), GATES, True)


def test_a_model_whose_outputs_are_no_numbers_is_refused():
    model = chain(convolution(0), ("Mul", np.nan))
    with pytest.raises(ZooError, match="own outputs hold NaN or infinity"):
        to_fp16(model, noise(model, 1), GATES, True)


LOSSY = (("Mul", 1.0), ("Add", 2000.0), ("Sub", 2000.0), ("Mul", 1.0))
"""float16 keeps one bit behind the point of what is added to 2000."""


def verified(model: onnx.ModelProto, half: onnx.ModelProto, gates: dict[str, float], classifies: bool):
    """What verification says to the float16 model, by the outputs that a float16 device gives."""
    feeds = noise(model, 4)
    expected, got = (session_outputs(each, feeds) for each in (model, emulated(half)))
    names = [str(place) for place in range(4)]
    return failures(got, names, closeness(expected, got, names, classifies), gates)


def session_outputs(model: onnx.ModelProto, feeds) -> tuple[np.ndarray, ...]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    results = [session.run(None, feed) for feed in feeds]
    return tuple(np.concatenate(each) for each in zip(*results, strict=True))


@pytest.mark.parametrize(
    ("gates", "reason"),
    [
        ({"min_cosine": 0.99999}, "cosine similarity of the worst image is"),
        ({"min_sqnr_db": 50}, "SQNR in dB is"),
        ({"min_top1_agreement": 1.0}, "top-1 agreement is"),
        ({"max_abs_error": 0.01}, "largest absolute error is"),
    ],
)
def test_every_gate_of_the_verification_counts(gates, reason):
    model = chain(*LOSSY)
    assert verified(model, convert(model, []), gates, True), "as a whole it would be refused"
    half = to_fp16(model, noise(model, 4), gates, True)
    assert set(kept(half)) == {"node_1", "node_2"}
    assert all(f"with it in float16, {reason}" in why for why in kept(half).values())
    assert verified(model, half, gates, True) == []


def test_the_worst_of_several_outputs_counts():
    model = chain(*LOSSY)
    model.graph.node.append(onnx.helper.make_node("Mul", ["value_0", "large"], ["second"], name="large"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(4000), "large"))
    model.graph.output.append(onnx.helper.make_tensor_value_info("second", TensorProto.FLOAT, None))
    gates = {"min_sqnr_db": 50}
    assert verified(model, convert(model, []), gates, False), "though most of the energy is in the second"
    half = to_fp16(model, noise(model, 4), gates, False)
    assert set(kept(half)) == {"node_1", "node_2"}
    assert verified(model, half, gates, False) == []


def test_what_is_no_classifier_is_not_asked_for_agreement():
    model = chain(*LOSSY)
    assert kept(to_fp16(model, noise(model, 4), {"min_top1_agreement": 1.0}, False)) == {}


def test_an_unknown_gate_is_refused():
    model = chain(*LOSSY)
    with pytest.raises(ZooError, match="unknown gate min_psnr; known are min_cosine"):
        to_fp16(model, noise(model, 2), {"min_psnr": 3}, True)
