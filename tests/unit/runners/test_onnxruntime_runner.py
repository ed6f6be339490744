"""ONNX files in onnxruntime, alone and in batches."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from samples.flexible_onnx import save_flexible
from samples.runtimes import IMAGE
from zoo.errors import ArtifactError
from zoo.runners import BatchRunner, open_runner

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
GENERATOR = np.random.default_rng(0)


def test_a_file_of_any_batch_takes_several_images_at_once(tmp_path):
    runner = open_runner("onnxruntime", [save_flexible(tmp_path, "N")])
    images = GENERATOR.standard_normal((4, 3, 8, 8), np.float32)
    assert isinstance(runner, BatchRunner) and runner.batches
    (outputs,) = runner.run_batch((images,))
    assert outputs.shape == (4, 5) and outputs.dtype == np.float32
    for output, image in zip(outputs, images, strict=True):
        np.testing.assert_allclose(output, runner.run((image,))[0], rtol=1e-5, atol=1e-6)


def test_a_file_of_a_batch_of_one_says_so_and_refuses_more(tmp_path):
    runner = open_runner("onnxruntime", [save_flexible(tmp_path, "1")])
    assert not runner.batches
    with pytest.raises(ArtifactError, match=r"fp32\.onnx: onnxruntime cannot run it: "):
        runner.run_batch((GENERATOR.standard_normal((2, 3, 8, 8), np.float32),))


def test_a_lack_of_memory_is_not_the_fault_of_the_file(tmp_path):
    """40 TB, which no machine has."""
    shape = numpy_helper.from_array(np.array([10**13], np.int64), "shape")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("data", "output")]
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["much"]),
        helper.make_node("ReduceSum", ["much"], ["sum"]),
        helper.make_node("Add", ["data", "sum"], ["output"]),
    ]
    graph = helper.make_graph(nodes, "large", ends[:1], ends[1:], [shape])
    opset = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "fp32.onnx")
    with pytest.raises(MemoryError, match=r"fp32\.onnx: onnxruntime cannot"):
        open_runner("onnxruntime", [tmp_path / "fp32.onnx"]).run((np.ones((), np.float32),))


def test_a_gpu_that_onnxruntime_cannot_use_leaves_it_on_the_cpu(case):
    on_gpu, on_cpu = (
        open_runner("onnxruntime", case.files["onnxruntime"], device) for device in ("gpu", "cpu")
    )
    np.testing.assert_allclose(on_gpu.run((IMAGE,))[0], on_cpu.run((IMAGE,))[0], atol=1e-3)
    assert (on_gpu.info.software_gpu is None) == (on_gpu.info.device == on_cpu.info.device)


def test_nothing_is_told_to_the_maker_of_onnxruntime(tmp_path):
    """Which it keeps a database for, below the user's cache folder or home."""
    file, home = save_flexible(tmp_path, "1"), tmp_path / "home"
    home.mkdir()
    code = f"from zoo.runners import open_runner; open_runner('onnxruntime', [{str(file)!r}])"
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), str(home))
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment = {**kept, **places, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, env=environment, check=True)
    assert not list(home.rglob("*"))
