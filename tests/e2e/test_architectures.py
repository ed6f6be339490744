"""Architectures end to end: random weights in which nothing is trivial, rewritten, exported, run in ncnn."""

from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from samples.models import random_model
from zoo.export import pnnx
from zoo.export.onnx import export_onnx
from zoo.export.rewrites import rewrite
from zoo.export.torchscript import export_torchscript
from zoo.measure.metrics import cosine
from zoo.runners import open_runner

pytestmark = pytest.mark.long(75)

SMALL_CONVNEXT = {"depths": (2, 2, 2, 2), "dims": (32, 64, 96, 128), "patch_size": 2, "num_classes": 10}

ARCHITECTURES: dict[
    str, tuple[str, int | None, dict]
] = {  # architecture, image size (None: native), arguments
    "convnext_tiny": ("convnext_tiny", 64, {}),
    "convnextv2_atto": ("convnextv2_atto", 64, {}),
    "convnextv2_tiny": ("convnextv2_tiny", 64, {"depths": (1, 1, 1, 1)}),
    "convnext_small_custom": ("convnext_atto", 32, SMALL_CONVNEXT),
    "mobileone_s0": ("mobileone_s0", None, {}),
    "repvit_m0_9": ("repvit_m0_9", None, {}),
    "fastvit_t8": ("fastvit_t8", None, {}),
    "fastvit_sa12": ("fastvit_sa12", 128, {}),
    "resnet18": ("resnet18", 128, {}),
    "mobilenetv4_conv_small": ("mobilenetv4_conv_small", None, {}),
    "efficientvit_b0": ("efficientvit_b0", None, {}),
    "vit_tiny_patch16_224": ("vit_tiny_patch16_224", None, {}),
    "vit_tiny_average_pool": (
        "vit_tiny_patch16_224",
        None,
        {"global_pool": "avg", "class_token": False, "depth": 2},
    ),
    "tf_efficientnet_lite0": ("tf_efficientnet_lite0", None, {}),
    "edgenext_xx_small": ("edgenext_xx_small", None, {}),
    "efficientformerv2_s0": ("efficientformerv2_s0", None, {}),
}


class Case(NamedTuple):
    """A rewritten model, an image, and what the untouched model makes of it."""

    model: nn.Module
    image: torch.Tensor
    expected: np.ndarray


@pytest.fixture(scope="module", params=ARCHITECTURES)
def case(request: pytest.FixtureRequest) -> Case:
    name, size, arguments = ARCHITECTURES[request.param]
    model, image = random_model(name, size=size, **arguments)
    with torch.no_grad():
        expected = deepcopy(model)(image).numpy()
    assert expected.std() > 0.01 * abs(expected.mean())
    rewrite(model, image)
    return Case(model, image, expected)


def to_ncnn(source: Path, case: Case) -> tuple[float, Counter]:
    """Cosine of the ncnn model made of `source` with the untouched model, and its layer types, counted."""
    pair = source.with_suffix(".param"), source.with_suffix(".bin")
    pnnx.run_pnnx(source, [case.image.shape], *pair)
    (output,) = open_runner("ncnn", pair).run((case.image[0].numpy(),))
    layers = [line.split()[0] for line in pair[0].read_text().splitlines()[2:]]
    return cosine(case.expected, output), Counter(layers)


def test_it_reaches_ncnn_through_torchscript(case, tmp_path, request):
    export_torchscript(case.model, case.image, tmp_path / "torchscript.pt")
    similarity, layers = to_ncnn(tmp_path / "torchscript.pt", case)
    assert similarity >= 0.99999
    if "convnext" in request.node.callspec.id:
        assert not layers.keys() & {"Gemm", "Reshape", "Erf"}
        assert layers["Permute"] <= 2 * (layers["LayerNorm"] - 1)  # none at that of the head
    if "convnext_" in request.node.callspec.id:
        assert layers["MemoryData"] == 0  # nothing is left of the layer scales
    if "vit_tiny" in request.node.callspec.id:
        assert layers["MultiHeadAttention"] == len(case.model.blocks)
    if "mobileone" in request.node.callspec.id:
        assert layers["BinaryOp"] == 0  # one branch


def test_it_reaches_ncnn_through_onnx_of_the_default_opset(case, tmp_path):
    export_onnx(case.model, case.image, tmp_path / "fp32.onnx")
    similarity, _ = to_ncnn(tmp_path / "fp32.onnx", case)
    assert similarity >= 0.99999
