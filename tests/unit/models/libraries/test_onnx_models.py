"""ONNX files as torch modules."""

from pathlib import Path

import onnx
import pytest
import torch
from onnx import helper

from samples.nets import fully
from samples.sources import CONV, KERNEL, exported, onnx_model, refused
from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.models.libraries.onnx_models import build as build_module
from zoo.models.libraries.onnx_models import open_file, unsupported


def test_unsupported_operators_are_named_with_their_count(tmp_path):
    nodes = [
        CONV,
        helper.make_node("Softsign", ["c"], ["a"]),
        helper.make_node("Softsign", ["a"], ["b"]),
        helper.make_node("Bernoulli", ["b"], ["y"]),
    ]
    text = r"works: pnnx on ONNX: .*Softsign \(2\).* \| onnx2torch and TorchScript: .*Bernoulli \(1\)"
    refused(onnx_model(nodes, tmp_path / "odd.onnx", weights=[KERNEL]), tmp_path / "out", text)


@torch.no_grad()
@pytest.mark.filterwarnings("ignore")
def test_the_module_computes_what_the_file_does(tmp_path):
    model = fully().eval()
    entry = exported(model, tmp_path / "model.onnx")
    torch.manual_seed(1)
    image = torch.randn(1, 3, 32, 48)
    module = open_file(Path(entry["onnx"]))
    torch.testing.assert_close(module(image), model(image))
    built = build_module(ModelSpec.from_config("net", entry), seed=0)
    assert not built.training and torch.equal(built(image), module(image))


def test_operators_are_counted_by_name_and_domain(tmp_path):
    nodes = [CONV, helper.make_node("Bernoulli", ["c"], ["b"])]
    nodes += [helper.make_node("Mine", [before], [after], domain="acme") for before, after in ("bd", "dy")]
    entry = onnx_model(nodes, tmp_path / "odd.onnx", weights=[KERNEL])
    assert unsupported(onnx.load(entry["onnx"])) == {"Bernoulli": 1, "acme.Mine": 2}
    with pytest.raises(ZooError, match=r"does not have its operators Bernoulli \(1\), acme\.Mine \(2\)"):
        open_file(Path(entry["onnx"]))
