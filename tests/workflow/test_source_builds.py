"""Models of other sources through the rules: to an int8 file that was verified."""

import json
import shutil

import pytest
import torch

from samples.workflow import PROJECT, Zoo

pytestmark = pytest.mark.long(80)

INPUTS = [{"shape": [3, 24, 40]}, {"shape": [1, 12, 20], "values": "normal"}, {"shape": [5], "values": 0.5}]


def test_a_users_own_code_with_several_inputs_and_outputs(fresh_zoo: Zoo):
    shutil.copy(PROJECT / "tests/samples/nets.py", fresh_zoo / "mine.py")
    fresh_zoo.configure(lambda c: c["models"].update(views={"module": "mine:two_views", "inputs": INPUTS}))
    target = "results/cpu/views/int8.passed"
    fresh_zoo.build(target, "results/cpu/views/int8.eval.json")
    numbers = json.loads((fresh_zoo / "results/cpu/views/int8.verify.json").read_text())["numbers"]
    assert [each["shape"] for each in numbers["outputs"]] == [[2, 12, 20], [6], [1]]
    assert numbers["top1_agreement"] is None and numbers["sqnr_db"] > 3
    assert fresh_zoo.pending(target) == set()
    text = (fresh_zoo / "mine.py").read_text()
    (fresh_zoo / "mine.py").write_text(text.replace("torch.relu(", "torch.sigmoid("))
    assert "weights views" in fresh_zoo.pending(target)


def test_a_file_alone_is_built_and_rebuilt_when_it_changes(fresh_zoo: Zoo):
    import onnx

    from samples.nets import fully

    path = fresh_zoo / "model.onnx"
    torch.onnx.export(fully().eval(), (torch.zeros(1, 3, 32, 32),), str(path), opset_version=17, dynamo=False)
    fresh_zoo.configure(lambda c: c["models"].update(file={"onnx": "model.onnx"}))
    target = "results/cpu/file/int8.passed"
    fresh_zoo.build(target)
    assert fresh_zoo.pending(target) == set()
    model = onnx.load(path)
    model.doc_string = "another"
    onnx.save(model, path)
    assert "import file" in fresh_zoo.pending(target)
