"""TorchScript and ONNX files: they compute what the model does, and their bytes do not change."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxsim
import pytest
import torch
from torch import nn

import zoo.export.onnx
from samples.models import random_model
from zoo.config.opset import DEFAULT_OPSET
from zoo.errors import ZooError
from zoo.export.onnx import OPSETS, export_onnx
from zoo.export.rewrites import rewrite
from zoo.export.torchscript import export_torchscript
from zoo.jobs.files import sha256

TINY = {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32), "num_classes": 10}

EXPORT_TORCHSCRIPT = """
import sys, torch
from samples.models import random_model
from zoo.export.torchscript import export_torchscript
model, image = random_model("convnext_atto", size=32, depths=(1, 1, 1, 1), dims=(8, 8, 8, 8))
export_torchscript(model, image, sys.argv[1])
"""


class Branching(nn.Module):
    """What it computes depends on what it sees, which a trace cannot hold."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) if x[0, 0, 0, 0] == 0 else -x.flatten(1)


@pytest.fixture(scope="module")
def rewritten() -> tuple[nn.Module, torch.Tensor]:
    model, image = random_model("convnextv2_tiny", size=64, **TINY)
    rewrite(model, image)
    return model, image


def run_onnx(path: Path, image: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["output"], {"data": image.numpy()})[0]


@torch.no_grad()
def test_torchscript_computes_what_the_model_does(rewritten, tmp_path):
    model, image = rewritten
    export_torchscript(model, image, tmp_path / "torchscript.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        loaded = torch.jit.load(tmp_path / "torchscript.pt")
    torch.testing.assert_close(loaded(image), model(image))


def test_torchscript_holds_no_paths_and_no_debug_records(rewritten, tmp_path):
    model, image = rewritten
    export_torchscript(model, image, tmp_path / "torchscript.pt")
    content = (tmp_path / "torchscript.pt").read_bytes()
    for trace in (b"site-packages", b"debug_pkl", __file__.encode(), str(tmp_path).encode()):
        assert trace not in content


def test_torchscript_has_the_same_bytes_in_every_process_and_place(tmp_path):
    paths = [tmp_path / "torchscript.pt", tmp_path / "another place" / "x.pt"]
    search = [str(Path(__file__).parents[2]), str(Path(zoo.export.onnx.__file__).parents[2])]
    code = f"import sys\nsys.path[:0] = {search}\n{EXPORT_TORCHSCRIPT}"
    processes = [subprocess.Popen([sys.executable, "-c", code, path]) for path in paths]
    assert [process.wait() for process in processes] == [0, 0]
    assert sha256(paths[0]) == sha256(paths[1])


@pytest.mark.parametrize("export", [export_torchscript, export_onnx])
def test_a_model_that_branches_on_its_input_is_refused(export, tmp_path):
    with pytest.raises(ZooError, match=r"Branching.*branch"):
        export(Branching(), torch.zeros(1, 3, 4, 4), tmp_path / "file")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("export", [export_torchscript, export_onnx])
def test_exporting_is_quiet(export, rewritten, tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export(*rewritten, tmp_path / "file")
    assert capfd.readouterr() == ("", "")


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


# Several inputs and outputs, and sizes


class Both(nn.Module):
    """An image and a vector in; a dictionary and a list out, which a trace cannot hold as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.side, self.head = nn.Conv2d(3, 8, 3, 2), nn.Linear(5, 4), nn.Linear(8, 4)

    def forward(self, image: torch.Tensor, vector: torch.Tensor) -> dict:
        found = self.stem(image)
        return {"map": found.relu(), "rest": [self.head(found.mean(dim=(2, 3))) + self.side(vector)]}


NAMES = ("image", "vector"), ("map", "scores")


def both(height: int, width: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(height)
    return torch.randn(1, 3, height, width, generator=generator), torch.randn(1, 5, generator=generator)


@torch.no_grad()
def agree(path: Path, model: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
    """Assert that the file, of either kind, computes all that the model does."""
    expected = model(*given)
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        fed = {name: each.numpy() for name, each in zip(NAMES[0], given, strict=True)}
        found = map(torch.from_numpy, session.run(list(NAMES[1]), fed))
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            found = torch.jit.load(path)(*given)
    for one, other in zip(found, (expected["map"], expected["rest"][0]), strict=True):
        torch.testing.assert_close(one, other)


def export_both(name: str, path: Path, second: tuple[torch.Tensor, ...] | None = None) -> nn.Module:
    torch.manual_seed(0)
    model = Both().eval()
    if name.endswith("onnx"):
        export_onnx(model, both(16, 16), path, names=NAMES, second=second)
    else:
        export_torchscript(model, both(16, 16), path, second)
    return model


@pytest.mark.parametrize("name", ["a.pt", "a.onnx"])
def test_several_inputs_and_outputs_are_exported_in_their_order(name, tmp_path):
    agree(tmp_path / name, export_both(name, tmp_path / name), both(16, 16))
    if name == "a.onnx":
        graph = onnx.load(tmp_path / name).graph
        assert tuple(each.name for each in graph.input) == NAMES[0]
        assert tuple(each.name for each in graph.output) == NAMES[1]


@pytest.mark.parametrize("name", ["a.pt", "a.onnx"])
def test_a_second_shape_makes_only_the_size_dynamic(name, tmp_path):
    model = export_both(name, tmp_path / name, second=both(24, 20))
    for given in (both(16, 16), both(24, 20), both(9, 40)):
        agree(tmp_path / name, model, given)
    if name == "a.onnx":
        image, vector = onnx.load(tmp_path / name).graph.input
        dims = [[each.dim_value for each in value.type.tensor_type.shape.dim] for value in (image, vector)]
        assert dims == [[1, 3, 0, 0], [1, 5]]


@pytest.mark.parametrize("name", ["a.pt", "a.onnx"])
def test_a_model_of_one_size_is_refused_a_second(name, tmp_path):
    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x.reshape(1, 3 * 8 * int(x.shape[3]))

    export = export_onnx if name.endswith("onnx") else export_torchscript
    example = torch.zeros(1, 3, 8, 8)
    export(Fixed(), example, tmp_path / name)
    said = r"does not take inputs of the shape \[1, 3, 8, 16\] .* its shape cannot be dynamic"
    with pytest.raises(ZooError, match=said):
        export(Fixed(), example, tmp_path / "second", second=(torch.zeros(1, 3, 8, 16),))
    assert [path.name for path in tmp_path.iterdir()] == [name]
