"""What a name says, and the order of tables."""

import random

import pytest

from zoo.config.artifacts import ARTIFACTS
from zoo.report.artifact_names import precision_and_format, sort_key


@pytest.mark.parametrize(
    ("artifact", "said"),
    [
        ("int8", ("int8", "ncnn")),
        ("fp32.onnx", ("fp32", "ONNX")),
        ("int8_static.onnx", ("int8 static", "ONNX")),
        ("torchscript", ("fp32", "TorchScript")),
        ("fp4", ("fp4", "")),
    ],
)
def test_a_name_says_precision_and_format(artifact, said):
    assert precision_and_format(artifact) == said


def test_artifacts_come_by_device_format_precision_and_name():
    ordered = [
        *("fp32", "fp16", "bf16", "w8", "w6", "w4", "int8"),
        *("fp32.onnx", "fp16.onnx", "int8_dynamic.onnx", "int8_static.onnx"),
    ]
    named = [(device, artifact) for device in ("cpu", "gpu", "npu") for artifact in ordered]
    shuffled = random.Random(0).sample(named, len(named))
    assert sorted(shuffled, key=lambda place: sort_key(*place)) == named
    assert set(ordered) < set(ARTIFACTS)
    assert sort_key("cpu", "fp4") > sort_key("cpu", "torchscript"), "what is unknown comes last"
