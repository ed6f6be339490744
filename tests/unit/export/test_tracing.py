"""What both exports do: refuse what a trace cannot hold, take several inputs, and sizes."""

import warnings
from functools import partial
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from samples.models import rewritten_model
from zoo.errors import ZooError
from zoo.export.onnx import export_onnx
from zoo.export.torchscript import export_torchscript


@pytest.fixture(scope="module")
def rewritten() -> tuple[nn.Module, torch.Tensor]:
    return rewritten_model()


class Branching(nn.Module):
    """What it computes depends on what it sees, which a trace cannot hold."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) if x[0, 0, 0, 0] == 0 else -x.flatten(1)


@pytest.mark.parametrize("export", [export_torchscript, export_onnx])
def test_a_model_that_branches_on_its_input_is_refused(export, tmp_path):
    said = r"Branching.*right on the traced one, so the model branches .*\(test_tracing\.py:\d+\)"
    with pytest.raises(ZooError, match=said):
        export(Branching(), torch.zeros(1, 3, 4, 4), tmp_path / "file")
    assert not any(tmp_path.iterdir())


class Random(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


@pytest.mark.parametrize("export", [export_torchscript, export_onnx])
def test_a_model_that_answers_by_chance_is_told_so(export, tmp_path):
    with pytest.raises(ZooError, match=r"Random.*the model itself answers differently each time"):
        export(Random(), torch.zeros(1, 3, 4, 4), tmp_path / "file")


class Statistics(nn.Module):
    """Modules that work otherwise in training, and outputs in a container."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"map": self.body(x), "mean": self.body(x).mean((2, 3))}


@pytest.mark.parametrize("name", ["a.pt", "a.onnx"])
def test_no_module_is_left_in_training_mode(name, tmp_path):
    model, image = Statistics(), torch.randn(1, 3, 8, 8)
    names = ("data",), ("map", "mean")
    export = export_torchscript if name == "a.pt" else partial(export_onnx, names=names)
    export(model, image, tmp_path / name)
    assert not any(module.training for module in model.modules())


@torch.no_grad()
@pytest.mark.parametrize("export", [export_torchscript, export_onnx])
def test_torchs_own_attention_is_exported_in_its_parts(export, tmp_path):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    export(
        nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), torch.randn(1, 5, 8), tmp_path / "file"
    )
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("export", [export_torchscript, export_onnx])
def test_exporting_is_quiet(export, rewritten, tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export(*rewritten, tmp_path / "file")
    assert capfd.readouterr() == ("", "")


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
