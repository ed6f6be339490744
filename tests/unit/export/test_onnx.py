"""ONNX files: they compute what the model does, and their bytes do not change."""

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxsim
import pytest
import torch
from torch import nn

import zoo.export.onnx
from samples.models import random_model, rewritten_model
from zoo.config.opset import DEFAULT_OPSET
from zoo.errors import ZooError
from zoo.export.onnx import OPSETS, export_onnx
from zoo.export.rewrites import rewrite
from zoo.jobs.files import sha256


@pytest.fixture(scope="module")
def rewritten() -> tuple[nn.Module, torch.Tensor]:
    return rewritten_model()


def run_onnx(path: Path, image: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["output"], {"data": image.numpy()})[0]


@pytest.mark.parametrize("opset", [OPSETS[0], DEFAULT_OPSET, OPSETS[-1]])
@torch.no_grad()
def test_onnx_computes_what_the_model_does(opset, rewritten, tmp_path):
    model, image = rewritten
    export_onnx(model, image, tmp_path / "fp32.onnx", opset)
    written = onnx.load(tmp_path / "fp32.onnx")
    assert [entry.version for entry in written.opset_import if not entry.domain] == [opset]
    assert [value.name for value in written.graph.input] == ["data"]
    assert [value.name for value in written.graph.output] == ["output"]
    np.testing.assert_allclose(run_onnx(tmp_path / "fp32.onnx", image), model(image).numpy(), atol=1e-5)


@torch.no_grad()
def test_onnx_of_attention_exports_below_opset_14(tmp_path):
    model, image = random_model("vit_tiny_patch16_224", img_size=64, depth=2, num_classes=10)
    rewrite(model, image)
    export_onnx(model, image, tmp_path / "fp32.onnx", 11)
    np.testing.assert_allclose(run_onnx(tmp_path / "fp32.onnx", image), model(image).numpy(), atol=1e-5)


def test_onnx_has_the_same_bytes_every_time_and_lies_alone(rewritten, tmp_path):
    for name in ("a", "b"):
        export_onnx(*rewritten, tmp_path / name / "fp32.onnx")
    assert sha256(tmp_path / "a/fp32.onnx") == sha256(tmp_path / "b/fp32.onnx")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["fp32.onnx"]


@pytest.mark.parametrize("opset", [OPSETS[0] - 1, OPSETS[-1] + 1])
def test_an_opset_out_of_range_is_refused(opset, rewritten, tmp_path):
    with pytest.raises(ZooError, match=f"opset {opset}.*from 11 to 20"):
        export_onnx(*rewritten, tmp_path / "fp32.onnx", opset)


def test_an_operator_that_an_opset_lacks_is_reported(tmp_path):
    class Trilinear(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.grid_sample(x, x[:, :2].permute(0, 2, 3, 1), align_corners=False)

    with pytest.raises(ZooError, match=r"Trilinear.*opset 11"):
        export_onnx(Trilinear(), torch.zeros(1, 3, 4, 4), tmp_path / "fp32.onnx", 11)


@torch.no_grad()
def test_weights_beyond_the_limit_of_protobuf_lie_beside_the_file(rewritten, tmp_path, monkeypatch):
    model, image = rewritten
    monkeypatch.setattr(zoo.export.onnx, "MAX_INLINE_BYTES", 10_000)
    export_onnx(model, image, tmp_path / "fp32.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fp32.onnx", "fp32.onnx.data"]
    np.testing.assert_allclose(run_onnx(tmp_path / "fp32.onnx", image), model(image).numpy(), atol=1e-5)


def test_a_simplification_that_changes_the_output_is_refused(rewritten, tmp_path, monkeypatch):
    simplify = onnxsim.simplify

    def wrong(path: str) -> tuple[onnx.ModelProto, bool]:
        model, checked = simplify(path)
        weight = next(tensor for tensor in model.graph.initializer if tensor.name == "head.fc.weight")
        weight.raw_data = (np.frombuffer(weight.raw_data, np.float32) * 1.01).tobytes()
        return model, checked

    monkeypatch.setattr(onnxsim, "simplify", wrong)
    with pytest.raises(ZooError, match="ONNX model is off"):
        export_onnx(*rewritten, tmp_path / "fp32.onnx")
    assert not any(tmp_path.iterdir())


def test_without_room_for_its_temporary_file_onnxsim_is_not_asked(rewritten, tmp_path, monkeypatch):
    """It would take another way in silence, whose file has other bytes."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zoo.export.onnx, "reserve", full)
    with pytest.raises(OSError, match="No space left"):
        export_onnx(*rewritten, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_bytes_do_not_depend_on_the_temporary_folder(rewritten, tmp_path, monkeypatch):
    export_onnx(*rewritten, tmp_path / "a.onnx")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    export_onnx(*rewritten, tmp_path / "b.onnx")
    assert sha256(tmp_path / "a.onnx") == sha256(tmp_path / "b.onnx")


def out_of_order(_: onnx.ModelProto) -> None:
    raise RuntimeError("Nodes in a graph must be topologically sorted, however input 'x' of node: …")


def of_another_shape(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 7


@pytest.mark.parametrize("spoil", [out_of_order, of_another_shape])
def test_an_optimizer_that_makes_an_invalid_model_is_left_out(spoil, tmp_path, monkeypatch):
    real = onnxsim.simplify

    def simplify(raw, perform_optimization=True):
        simplified = real(raw, perform_optimization=False)
        if perform_optimization:
            spoil(simplified[0])
        return simplified

    monkeypatch.setattr(onnxsim, "simplify", simplify)
    image = torch.zeros(1, 3, 4, 4)
    export_onnx(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), image, tmp_path / "model.onnx")
    made = onnx.load(tmp_path / "model.onnx")
    assert made.graph.output[0].type.tensor_type.shape.dim[1].dim_value == 2
