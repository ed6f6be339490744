"""An artifact is opened by what it says of itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samples.artifacts import pair
from samples.ncnn import small_network
from zoo.errors import ArtifactError
from zoo.runners import open_runner
from zoo.runners.artifact import Artifact
from zoo.runners.ncnn_runner import NcnnRunner

FIELDS = {"model": "mine", "device": "cpu", "name": "fp32", "runtime": "ncnn", "precision": "fp32"}


def test_an_artifact_takes_paths_in_any_form_and_names_itself():
    artifact = Artifact.of(["fp32.param", Path("fp32.bin")], **FIELDS)
    assert artifact.files == (Path("fp32.param"), Path("fp32.bin"))
    assert str(artifact) == "cpu/mine/fp32"
    assert artifact.heading() == {"model": "mine", "device": "cpu", "artifact": "fp32"}


def test_an_opened_artifact_computes_what_its_runtime_does_with_its_files(tmp_path):
    files = pair(small_network(), tmp_path)
    runner = Artifact.of(files, **FIELDS).open(threads=2)
    assert isinstance(runner, NcnnRunner)
    image = np.random.default_rng(0).standard_normal((3, 8, 8)).astype(np.float32)
    (expected,) = open_runner("ncnn", files, threads=2).run((image,))
    np.testing.assert_array_equal(runner.run((image,))[0], expected)


def test_precision_reaches_the_runtime(monkeypatch):
    seen = []
    monkeypatch.setattr("zoo.runners.artifact.open_runner", lambda *given: seen.append(given))
    replace(Artifact.of(["a.param", "a.bin"], **FIELDS), precision="bf16", device="gpu").open(threads=3)
    assert seen == [("ncnn", (Path("a.param"), Path("a.bin")), "gpu", 3, "bf16")]


def test_an_artifact_that_its_runtime_cannot_read_is_an_error(tmp_path):
    broken = tmp_path / "fp32.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(ArtifactError, match=r"fp32\.onnx"):
        Artifact.of([broken], **FIELDS | {"runtime": "onnxruntime"}).open(threads=1)
