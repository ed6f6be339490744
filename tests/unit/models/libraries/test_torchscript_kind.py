"""TorchScript files that are no float32 model in evaluation mode are refused in words."""

import pytest
import torch
from torch import nn

from zoo.errors import ZooError
from zoo.models.libraries.torchscript_kind import is_pickled
from zoo.models.libraries.torchscript_models import open_file

pytestmark = pytest.mark.filterwarnings("ignore")
IMAGE = torch.zeros(1, 3, 8, 8)


def network(*more: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), *more)


def saved(model: nn.Module, path, example: torch.Tensor = IMAGE):
    torch.jit.save(torch.jit.trace(model, example), path)
    return path


@pytest.mark.parametrize(
    ("model", "example", "said"),
    [
        (lambda: network().eval().half(), IMAGE.half(), r"has weights of float16, .*call model\.float\(\)"),
        (lambda: network().eval().double(), IMAGE.double(), r"has weights of float64, "),
        (lambda: network().train(), IMAGE, r"in training mode.*\(aten::batch_norm\).*call model\.eval\(\)"),
        (lambda: network(nn.Dropout()).train(), IMAGE, r"\(aten::batch_norm, aten::dropout\)"),
    ],
)
def test_a_file_of_another_kind_is_named(model, example, said, tmp_path):
    path = saved(model(), tmp_path / "model.pt", example)
    with pytest.raises(ZooError, match=rf"model\.pt .*{said}"):
        open_file(path)


def test_a_quantized_file_is_named(tmp_path):
    class Quantized(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.quantize_per_tensor(x, 0.1, 0, torch.quint8)
            return torch.ops.quantized.add(x, x, 0.1, 0).dequantize()

    with pytest.raises(ZooError, match=r"is quantized already \(quantized::add\); give the float model"):
        open_file(saved(Quantized(), tmp_path / "model.pt"))


def test_a_scripted_module_left_in_training_mode_is_put_in_evaluation_mode(tmp_path):
    torch.jit.save(torch.jit.script(network(nn.Dropout()).train()), tmp_path / "model.pt")
    assert not open_file(tmp_path / "model.pt").training


def test_what_torch_save_wrote_is_no_torchscript(tmp_path):
    torch.save(network().state_dict(), tmp_path / "state.pt")
    with pytest.raises(ZooError, match=r"state\.pt is what torch\.save writes, not TorchScript: .*weights:"):
        open_file(tmp_path / "state.pt")
    assert not is_pickled(saved(network().eval(), tmp_path / "model.pt"))


@pytest.mark.filterwarnings("ignore")
def test_what_torch_export_wrote_is_told_as_that(tmp_path):
    program = torch.export.export(nn.Sequential(nn.Conv2d(3, 4, 1)).eval(), (torch.zeros(1, 3, 4, 4),))
    torch.export.save(program, tmp_path / "model.pt2")
    with pytest.raises(ZooError, match=r"model\.pt2 is what torch\.export writes, .* or export it to ONNX"):
        open_file(tmp_path / "model.pt2")
