"""ONNX files with their weights in files beside them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from samples.sources import build, onnx_model, passed
from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.models.import_file import import_file, keep
from zoo.models.libraries.onnx_data import data_files, write_whole

WEIGHTS = numpy_helper.from_array(np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32), "w")
CONV = helper.make_node("Conv", ["x", "w"], ["y"])


def beside(folder: Path, location: str = "model.onnx.data") -> dict[str, str]:
    """A model that has its weights in another file, as torch's exporter writes it."""
    entry = onnx_model([CONV], folder / "whole.onnx", weights=[WEIGHTS])
    model = onnx.load(folder / "whole.onnx")
    (folder / "given").mkdir()
    path = folder / "given" / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    if location != "model.onnx.data":
        model = onnx.load(path, load_external_data=False)
        for each in model.graph.initializer[0].external_data:
            each.value = location if each.key == "location" else each.value
        path.write_bytes(model.SerializeToString())
    return entry | {"onnx": str(path)}


def test_the_model_is_taken_whole_and_verified(tmp_path):
    entry = beside(tmp_path)
    built = build(entry, tmp_path / "out")
    passed(built)
    kept = onnx.load(tmp_path / "out/tiny.onnx", load_external_data=False)
    assert kept.graph.initializer[0].data_location == TensorProto.DEFAULT
    np.testing.assert_array_equal(
        numpy_helper.to_array(kept.graph.initializer[0]), numpy_helper.to_array(WEIGHTS)
    )


def test_the_digest_is_of_all_its_files(tmp_path):
    spec = ModelSpec.from_config("net", beside(tmp_path))
    path = Path(spec.architecture)
    data = path.with_name("model.onnx.data")
    assert data_files(path) == [data]
    before = import_file(spec)[1]["sha256"]
    assert before == sha256(path, data) != sha256(path)
    content = bytearray(data.read_bytes())
    content[0] ^= 1
    data.write_bytes(content)
    assert import_file(spec)[1]["sha256"] != before


@pytest.mark.parametrize("location", ["../model.onnx.data", "/etc/hostname", "sub/../../other", ""])
def test_nothing_outside_of_the_folder_is_read(tmp_path, location):
    spec = ModelSpec.from_config("net", beside(tmp_path, location))
    (tmp_path / "other").write_bytes(bytes(1000))
    for reading in (lambda: import_file(spec), lambda: keep(spec, tmp_path / "kept.onnx")):
        with pytest.raises(ZooError, match=r"model\.onnx wants to read .* outside of its folder"):
            reading()


def test_a_link_that_leads_out_and_a_file_that_is_missing_are_refused(tmp_path):
    path = Path(beside(tmp_path)["onnx"])
    data = path.with_name("model.onnx.data")
    data.rename(tmp_path / "elsewhere")
    with pytest.raises(ZooError, match=r"has its weights in model\.onnx\.data, which does not lie beside it"):
        data_files(path)
    data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ZooError, match=r"outside of its folder"):
        data_files(path)


def test_tensors_of_nodes_and_inner_graphs_are_looked_at(tmp_path):
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../secret")
    inner = helper.make_graph([helper.make_node("Constant", [], ["z"], value=tensor)], "inner", [], [])
    node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(helper.make_graph([node], "g", [], [])).SerializeToString())
    with pytest.raises(ZooError, match=r"wants to read '\.\./\.\./secret'"):
        data_files(path)


@pytest.mark.parametrize(("domain", "operator"), [("my.ops", "Read"), ("com.microsoft", "EPContext")])
def test_operators_of_somebodys_own_are_refused(tmp_path, domain, operator):
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(helper.make_graph([node], "g", [], [])).SerializeToString())
    with pytest.raises(ZooError, match=rf"has the operator {domain}\.{operator}, which is none of ONNX"):
        data_files(path)


def test_a_file_that_is_whole_is_copied_as_it_is(tmp_path):
    onnx_model([CONV], tmp_path / "whole.onnx", weights=[WEIGHTS])
    write_whole(tmp_path / "whole.onnx", tmp_path / "copy.onnx")
    assert (tmp_path / "copy.onnx").read_bytes() == (tmp_path / "whole.onnx").read_bytes()
