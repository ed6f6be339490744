"""TorchScript files as models."""

import pytest
import torch
from torch import nn

from samples.nets import fully
from samples.sources import refused, traced
from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.export.onnx import export_onnx
from zoo.models.libraries.torchscript_models import build as build_module
from zoo.models.libraries.torchscript_models import open_file


@pytest.mark.filterwarnings("ignore")
def test_a_torchscript_file_that_cannot_serve(tmp_path):
    broken = fully()
    with torch.no_grad():
        broken.body[0].weight[0, 0, 0, 0] = torch.nan
    refused(
        traced(broken, tmp_path / "nan.pt"),
        tmp_path / "out",
        r"nan\.pt holds NaN or infinity: 1 tensors \(body\.0\.weight\)",
    )
    gray = traced(fully(1), tmp_path / "gray.pt", (1, 1, 8, 8))
    refused(
        gray, tmp_path / "out", r"tiny: it does not take inputs of the shape \[1, 3, 224, 224\] .*channels"
    )


@torch.no_grad()
@pytest.mark.filterwarnings("ignore")
def test_the_model_of_the_file_is_the_module_that_was_traced(tmp_path):
    model = fully().eval()
    entry = traced(model, tmp_path / "model.pt")
    module = build_module(ModelSpec.from_config("net", entry), seed=0)
    image = torch.ones(1, 3, 32, 48)
    assert not module.training and torch.equal(module(image), model(image))
    with pytest.raises(ZooError, match=r"none\.pt does not exist"):
        open_file(tmp_path / "none.pt")


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = fully()

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, twice: bool = False) -> torch.Tensor:
        y = self.body(x)
        if mask is not None:
            y = y * mask
        return y * 2 if twice else y


@torch.no_grad()
@pytest.mark.filterwarnings("ignore")
def test_arguments_that_need_not_be_given_are_left_out(tmp_path):
    model, image = Masked().eval(), torch.rand(1, 3, 32, 48)
    torch.jit.script(model).save(tmp_path / "masked.pt")
    module = open_file(tmp_path / "masked.pt")
    assert not module.training and torch.equal(module(image), model(image))
    assert [each.name for each in module.forward.schema.arguments] == ["self", "x0"]
    export_onnx(module, image, tmp_path / "masked.onnx")
    frozen = torch.jit.freeze(module)
    assert torch.equal(frozen(image), model(image))


class Saving(nn.Module):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, self.path)
        return x


class Reading(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_file("/etc/hostname", False, 1) + x


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("operator", ["save", "from_file"])
def test_a_program_that_touches_files_is_refused_before_it_is_loaded(tmp_path, operator, monkeypatch):
    model = Saving(str(tmp_path / "written")) if operator == "save" else Reading()
    torch.jit.script(model).save(tmp_path / "model.pt")
    monkeypatch.setattr(torch.jit, "load", None)
    with pytest.raises(ZooError, match=rf"model\.pt is a program that reaches .*\({operator} in .*refused"):
        open_file(tmp_path / "model.pt")
    assert not (tmp_path / "written").exists()
