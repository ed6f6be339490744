from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from samples.ncnn import small_network
from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.images.inputs import random_inputs
from zoo.ncnn.graph import write_graph
from zoo.sweep.row import Row
from zoo.sweep.subject import Pictures, Subject, _check_signal

NONE = Pictures((), ())
ROW = Row("module", "", "mine")


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.last = nn.Linear(8, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(image).relu().mean((2, 3)))


def small() -> nn.Module:
    torch.manual_seed(3)
    return Small()


def subject(folder: Path, **entry: object) -> Subject:
    return Subject.of(ModelSpec.from_config("mine", entry), NONE, folder)


def test_the_truth_is_what_the_untouched_model_answers(tmp_path: Path):
    made = subject(tmp_path, module=f"{__name__}:small", preprocess={"size": [16, 16]})
    (image,) = random_inputs([(3, 16, 16)])
    with torch.no_grad():
        expected = small()(torch.from_numpy(image)[None]).numpy()
    ((answer,),) = made.truth
    np.testing.assert_array_equal(answer, expected)


def test_an_artifact_that_answers_otherwise_is_told(tmp_path: Path):
    made = subject(tmp_path, module=f"{__name__}:small", preprocess={"size": [16, 16]})
    _, right = made.onnx(ROW)
    assert right.cosine == pytest.approx(1) and not right.reason
    made.truth[0] = (-made.truth[0][0],)
    _, wrong = made.onnx(ROW)
    assert wrong.cosine == pytest.approx(-1) and wrong.reason == "its smallest cosine is -1.000000"


def test_files_keep_their_own_weights(tmp_path: Path):
    traced, exported = tmp_path / "small.pt", tmp_path / "small.onnx"
    example = torch.zeros(1, 3, 16, 16)
    torch.jit.trace(small().eval(), example).save(traced)
    torch.onnx.export(small().eval(), (example,), exported, dynamo=False, input_names=["x"])
    with torch.no_grad():
        expected = small()(torch.from_numpy(random_inputs([(3, 16, 16)])[0])[None]).numpy()
    for library, file in (("torchscript", traced), ("onnx", exported)):
        folder = tmp_path / library
        folder.mkdir()
        made = subject(folder, **{library: str(file)}, preprocess={"size": [16, 16]})
        np.testing.assert_allclose(made.truth[0][0], expected, rtol=1e-4, atol=1e-5)
        row, outcome = made.onnx(ROW)
        assert outcome.cosine == pytest.approx(1)
        row, outcome = made.fp32(row)
        assert outcome.cosine == pytest.approx(1) and row.way


def test_answers_that_do_not_depend_on_the_picture_tell_nothing():
    same = np.ones((1, 5), np.float32)
    _check_signal([(same,), (same * 1.1,)])
    with pytest.raises(ZooError, match="hardly depend on the picture"):
        _check_signal([(same,), (same + 1e-5,)])


def test_int8_needs_fp32_and_pictures(tmp_path: Path):
    made = subject(tmp_path, module=f"{__name__}:small", preprocess={"size": [16, 16]})
    for make in (made.int8, made.fp16):
        with pytest.raises(ZooError, match="made of ncnn's fp32 files"):
            make(ROW)
    write_graph(small_network(), made.folder / "fp32.param", made.folder / "fp32.bin")
    with pytest.raises(ZooError, match="inputs are read from files"):
        made.int8(ROW)
