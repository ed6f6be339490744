"""The entry of a model, found out by looking at it."""

import json
from collections import OrderedDict
from pathlib import Path

import onnx
import pytest
import timm
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file

from zoo.cli.looks.looked_at import entry_of
from zoo.errors import ZooError


@pytest.fixture(scope="module")
def state() -> OrderedDict[str, torch.Tensor]:
    """A test_resnet of seven classes."""
    return timm.create_model("test_resnet", num_classes=7).state_dict()


def test_an_architecture_gets_the_first_tag_of_its_library():
    name, entry, found = entry_of("convnext_atto")
    assert (name, entry) == ("convnext_atto", {"timm": "convnext_atto.d2_in1k"})
    assert "weights: d2_in1k" in " ".join(found)
    assert entry_of("convnext_tiny.in12k_ft_in1k")[1] == {"timm": "convnext_tiny.in12k_ft_in1k"}
    assert entry_of("torchvision:resnet18")[:2] == ("resnet18", {"torchvision": "resnet18"})


def test_files_that_hold_a_model_are_taken_as_they_are(tmp_path: Path):
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])] for name in "xy"]
    onnx.save(helper.make_model(helper.make_graph(nodes, "net", *ends)), tmp_path / "a net.onnx")
    assert entry_of(str(tmp_path / "a net.onnx"))[:2] == ("a_net", {"onnx": str(tmp_path / "a net.onnx")})
    traced = tmp_path / "traced.pt"
    torch.jit.trace(torch.nn.ReLU(), torch.zeros(1)).save(str(traced))
    assert entry_of(str(traced))[1] == {"torchscript": str(traced)}
    traced = traced.rename(tmp_path / "net.torchscript")
    assert entry_of(str(traced))[1] == {"torchscript": str(traced)}


def test_a_file_of_weights_that_tells_its_architecture_is_found_out(state, tmp_path: Path):
    wrapped = {
        "epoch": 3,
        "arch": "test_resnet",
        "model": {f"module.{key}": value for key, value in state.items()},
    }
    torch.save(wrapped, tmp_path / "best.pth")
    (tmp_path / "labels.txt").write_text("\n".join("abcdefg"))
    _, entry, found = entry_of(str(tmp_path / "best.pth"))
    assert entry == {
        "timm": "test_resnet",
        "args": {"num_classes": 7},
        "weights": {"file": str(tmp_path / "best.pth")},
        "labels": str(tmp_path / "labels.txt"),
    }
    assert "7 outputs" in found[0]


def test_the_hubs_description_beside_it_and_the_name_of_the_file_tell_it_too(state, tmp_path: Path):
    save_file(dict(state), tmp_path / "model.safetensors")
    with pytest.raises(ZooError, match="does not tell its architecture; give timm's name"):
        entry_of(str(tmp_path / "model.safetensors"))
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "test_resnet", "num_classes": 7}))
    assert entry_of(str(tmp_path / "model.safetensors"))[1]["timm"] == "test_resnet"
    (tmp_path / "config.json").unlink()
    save_file(dict(state), tmp_path / "my-test_resnet-7.safetensors")
    assert entry_of(str(tmp_path / "my-test_resnet-7.safetensors"))[1]["timm"] == "test_resnet"


def test_foreign_names_are_matched_by_order_and_another_model_is_refused(state, tmp_path: Path):
    torch.save(
        OrderedDict((f"t{index}", each) for index, each in enumerate(state.values())), tmp_path / "odd.pth"
    )
    assert entry_of(str(tmp_path / "odd.pth"), "test_resnet")[1]["weights"]["keys"] == "order"
    with pytest.raises(
        ZooError, match=r"odd.pth is no test_vit with 7 outputs: of \S+, \(.*\), it has nothing"
    ):
        entry_of(str(tmp_path / "odd.pth"), "test_vit")
    with pytest.raises(ZooError, match="timm has no architecture test_resent"):
        entry_of(str(tmp_path / "odd.pth"), "test_resent")


def test_a_file_that_there_is_not_is_told():
    with pytest.raises(ZooError, match=r"none.pth: there is no such file"):
        entry_of("none.pth")
