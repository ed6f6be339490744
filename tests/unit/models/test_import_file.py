"""A model that a file holds becomes verified artifacts."""

import onnx
import pytest

from samples.nets import fully
from samples.sources import build, exported, passed, refused, traced
from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.models.import_file import import_file

pytestmark = pytest.mark.long(30)


@pytest.mark.filterwarnings("ignore")
def test_an_onnx_file_alone(tmp_path):
    built = build(exported(fully(), tmp_path / "model.onnx"), tmp_path / "out")
    passed(built)
    assert built.card.input == (3, 32, 48) and built.card.preprocess.size == (32, 48)
    assert built.card.parameters == sum(each.numel() for each in fully().parameters())
    assert built.card.source["kind"] == "onnx" and built.card.labels is None
    graph = onnx.load(tmp_path / "out/fp32.onnx").graph
    assert [graph.input[0].name, graph.output[0].name] == ["data", "output"]


@pytest.mark.filterwarnings("ignore")
def test_a_torchscript_file_alone(tmp_path):
    entry = traced(fully(), tmp_path / "model.pt") | {"preprocess": {"size": [32, 48]}}
    built = build(entry, tmp_path / "out")
    passed(built)
    assert built.card.input == (3, 32, 48) and built.card.source["kind"] == "torchscript"
    assert (tmp_path / "out/torchscript.pt").read_bytes() == (tmp_path / "model.pt").read_bytes()


def test_files_that_are_none(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"none")
    refused(
        {"onnx": str(tmp_path / "m.onnx")}, tmp_path / "out", r"tiny: .*m\.onnx is not a valid ONNX model"
    )
    refused({"onnx": str(tmp_path / "gone.onnx")}, tmp_path / "out", r"tiny: .*gone\.onnx does not exist")
    (tmp_path / "m.pt").write_bytes(b"none")
    refused(
        {"torchscript": str(tmp_path / "m.pt")},
        tmp_path / "out",
        r"tiny: .*m\.pt is no TorchScript file, or damaged",
    )


@pytest.mark.filterwarnings("ignore")
def test_the_traits_and_origin_of_either_kind_of_file(tmp_path):
    parameters = sum(each.numel() for each in fully().parameters())
    size = {"preprocess": {"size": [32, 48]}}
    for entry in (exported(fully(), tmp_path / "m.onnx"), traced(fully(), tmp_path / "m.pt")):
        (kind, path), *_ = entry.items()
        spec = ModelSpec.from_config("net", entry | size)
        traits, source = import_file(spec)
        assert traits.feed.shapes == ((3, 32, 48),) and list(traits.outputs.values()) == [(7,)]
        assert traits.parameters == parameters and (traits.multiply_adds is None) == (kind == "onnx")
        assert source == {"kind": kind, "location": path, "sha256": sha256(path)}
        wrong = ModelSpec.from_config("net", entry | size | {"weights": {"sha256": "0" * 64}})
        with pytest.raises(ZooError, match=r"config\.yaml asks for 0000"):
            import_file(wrong)
