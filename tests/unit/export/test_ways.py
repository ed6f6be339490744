"""The ways to ncnn: one after the other, and which was taken."""

import json

import pytest
import torch
from torch import nn

from samples.nets import fully
from samples.sources import SMALL, build, passed, traced
from zoo.config.records.conversion import Conversion, Failure
from zoo.errors import ZooError
from zoo.export.ways import from_torchscript, in_words
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess

pytestmark = pytest.mark.long(50)


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_one_way_cannot_convert_takes_the_next_and_the_record_says_why(tmp_path):
    """Its outputs are a dictionary, too."""
    entry = {"module": "samples.nets:gated", "weights": {"random": 0}, "preprocess": SMALL}
    built = build(entry, tmp_path)
    passed(built)
    record = Conversion.read(tmp_path / "fp32.conversion.json")
    assert (record.way, record.inputs) == ("ONNX", 3) and record.cosine > 0.9999
    assert [each.way for each in record.failed] == ["TorchScript", "frozen TorchScript"]
    assert record.failed[0].reason.startswith("torchscript.pt: pnnx left operators that ncnn does not have: ")
    assert "addcmul (1)" in record.failed[0].reason


@pytest.mark.filterwarnings("ignore")
def test_a_scripted_file_is_frozen_first(tmp_path):
    class Scripted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1))
            self.head = nn.Linear(8, 4)

        def forward(self, x):
            return self.head(self.body(x).flatten(1))

    torch.manual_seed(0)
    torch.jit.save(torch.jit.script(Scripted().eval()), tmp_path / "scripted.pt")
    built = build({"torchscript": str(tmp_path / "scripted.pt"), "preprocess": SMALL}, tmp_path)
    passed(built)
    assert json.loads((tmp_path / "fp32.conversion.json").read_text())["way"] == "frozen TorchScript"


@pytest.mark.filterwarnings("ignore")
def test_what_a_way_needs_is_made_when_it_is_its_turn(tmp_path):
    source = traced(fully(), tmp_path / "model.pt", (1, 3, 32, 32))["torchscript"]
    (tmp_path / "work").mkdir()
    feed = Feed.image(Preprocess(size=(32, 32)))
    ways = dict(from_torchscript(tmp_path / "model.pt", feed, 1, tmp_path / "work"))
    assert str(ways["TorchScript"]()) == source and not any((tmp_path / "work").iterdir())
    assert ways["ONNX and onnx2torch"]().is_file()
    assert {path.name for path in (tmp_path / "work").iterdir()} == {
        "from_torchscript.onnx",
        "for_pnnx",
        "onnx2torch.pt",
    }


class OnContent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        y = self.body(x)
        if bool(x.mean() > 0):
            y = -y
        return y


@pytest.mark.filterwarnings("ignore")
def test_a_branch_on_the_inputs_content_is_all_that_is_said(tmp_path):
    """Not the last of reasons of ways none of which can have it."""
    torch.jit.save(torch.jit.script(OnContent().eval()), tmp_path / "branch.pt")
    with pytest.raises(ZooError) as refusal:
        build({"torchscript": str(tmp_path / "branch.pt"), "preprocess": SMALL}, tmp_path)
    said = str(refusal.value)
    assert said.startswith(
        "tiny: what it computes depends on what its input holds, by prim::If (test_ways.py:"
    )
    assert "torch.where" in said and "no way to ncnn" not in said and " | " not in said


def test_ways_that_failed_alike_are_told_together():
    failed = [Failure("a", "no roll"), Failure("b", "no roll"), Failure("c", "off")]
    assert in_words(failed) == "a, b: no roll | c: off"
