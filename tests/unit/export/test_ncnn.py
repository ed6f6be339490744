"""From a file to the ncnn pair that answers as it does."""

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from samples.nets import fully
from samples.onnx import chain
from samples.sources import build, exported, noise_images, passed, refused
from zoo.errors import ArtifactError, ZooError
from zoo.export.ncnn import Target, check_agreement, first_that_agrees, to_ncnn
from zoo.export.torchscript import export_torchscript
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.images.sets import ImageSet, samples
from zoo.jobs.isolation import ChildCrashed, ChildDied
from zoo.ncnn.graph import read_graph
from zoo.runners.artifact import Artifact
from zoo.runners.output_bounds import output_bounds


def test_a_way_to_ncnn_that_gives_other_answers_is_passed_over(tmp_path):
    torch.manual_seed(0)
    model, other = fully().eval(), fully().eval()
    torch.onnx.export(
        model, (torch.zeros(1, 3, 32, 32),), str(tmp_path / "truth.onnx"), opset_version=17, dynamo=False
    )
    for name, each in (("model", model), ("other", other)):
        export_torchscript(each, torch.zeros(1, 3, 32, 32), tmp_path / f"{name}.pt")
    feed = Feed.image(Preprocess(size=(32, 32)))
    ways = [(name, lambda name=name: tmp_path / f"{name}.pt") for name in ("missing", "other", "model")]
    pair = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    truth = Artifact("m", "cpu", "the ONNX file", "onnxruntime", "fp32", (tmp_path / "truth.onnx",))
    conversion = first_that_agrees(
        ways, truth, Target("m", feed, 1, *pair), samples(ImageSet("noise", noise_images(tmp_path / "noise")))
    )
    assert (conversion.way, conversion.inputs) == ("model", 4)
    assert [each.way for each in conversion.failed] == ["missing", "other"]
    assert all(file.is_file() for file in pair)
    with pytest.raises(
        ZooError,
        match=r"m: no way to ncnn works: missing: .* \| other: the ncnn model's output 0 has the cosine",
    ):
        none = Target("m", feed, 1, tmp_path / "x.param", tmp_path / "x.bin")
        first_that_agrees(ways[:2], truth, none)
    assert not (tmp_path / "x.param").exists()


@pytest.mark.parametrize(
    ("died", "taken"),
    [(ChildDied("killed", signal.SIGKILL), None), (ChildCrashed("crashed", signal.SIGSEGV), "second")],
)
def test_a_killed_process_says_nothing_of_a_way_to_ncnn(monkeypatch, tmp_path, died, taken):
    """The other way gives other files, so that they would depend on how much memory was free."""
    ends = iter([died])

    def convert(source, target):
        for error in ends:
            raise error
        target.param.touch()
        target.weights.touch()

    monkeypatch.setattr("zoo.export.ncnn.to_ncnn", convert)
    monkeypatch.setattr("zoo.export.ncnn.answers", lambda *_: [()])
    monkeypatch.setattr("zoo.export.ncnn.output_bounds", lambda _: (None,))
    monkeypatch.setattr("zoo.export.ncnn.check_agreement", lambda *_: 1.0)
    target = Target("m", None, 1, tmp_path / "fp32.param", tmp_path / "fp32.bin")
    ways = [(name, lambda: tmp_path / "model.pt") for name in ("first", "second")]
    truth = Artifact("m", "cpu", "the model", "torch", "fp32", ())
    try:
        assert first_that_agrees(ways, truth, target).way == taken
    except ChildDied as error:
        assert error is died and taken is None and not target.param.exists()


def test_why_a_way_failed_names_no_temporary_folder(monkeypatch, tmp_path):
    def convert(source, target):
        raise ZooError(f"{target.param}: ncnn cannot load it")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zoo.export.ncnn.to_ncnn", convert)
    monkeypatch.setattr("zoo.export.ncnn.answers", lambda *_: [()])
    truth = Artifact("m", "cpu", "the model", "torch", "fp32", ())
    for folder in (tmp_path, Path()):
        target = Target("m", None, 1, folder / "fp32.param", folder / "fp32.bin")
        with pytest.raises(ZooError, match=r"works: first: fp32\.param: ncnn cannot load it\."):
            first_that_agrees([("first", lambda: Path("model.pt"))], truth, target)


def test_an_output_that_is_all_but_zero_has_no_direction(monkeypatch, tmp_path):
    """As a detector's on a picture of nothing: noise is all that it has."""
    target = Target("m", None, 1, tmp_path / "fp32.param", tmp_path / "fp32.bin")
    large, nothing = np.ones((1, 4), np.float32), np.full((1, 4), 1e-9, np.float32)
    for noise, agrees in ((1e-7, True), (1e-2, False)):
        found = [(large,), (nothing + noise * np.array([1, -1, 1, -1], np.float32),)]
        monkeypatch.setattr("zoo.export.ncnn.answers", lambda *_, found=found: found)
        if agrees:
            assert check_agreement([(large,), (nothing,)], target, [None]) == 1
        else:
            with pytest.raises(ZooError, match=r"output 0 has the cosine .* on a picture"):
                check_agreement([(large,), (nothing,)], target, [None])


@pytest.mark.parametrize(
    ("change", "said"),
    [(lambda own: 2 * own, r"1\.000000 .* and -?0\.0 dB"), (None, r"0\.9999\d\d .* (39|40)\.\d dB")],
)
def test_a_factor_and_a_small_error_disagree_though_the_cosine_is_high(monkeypatch, tmp_path, change, said):
    target = Target("m", None, 1, tmp_path / "fp32.param", tmp_path / "fp32.bin")
    generator = np.random.default_rng(0)
    own = generator.standard_normal((1, 4000)).astype(np.float32)
    other = change(own) if change else own + 0.01 * generator.standard_normal(own.shape).astype(np.float32)
    monkeypatch.setattr("zoo.export.ncnn.answers", lambda *_: [(other,)])
    with pytest.raises(ArtifactError, match=said):
        check_agreement([(own,)], target, [])


def test_a_model_without_that_second_shape(tmp_path):
    """The linear layer fixes the number of pixels."""
    entry = {
        "timm": "test_vit",
        "weights": {"random": 0},
        "preprocess": {"size": [160, 160]},
        "second_size": [96, 96],
    }
    refused(
        entry,
        tmp_path,
        r"the ONNX model does not take inputs of the shape \[1, 3, 96, 96\] .* its shape cannot be dynamic",
    )


@pytest.mark.filterwarnings("ignore")
def test_layers_of_the_pair_have_names_of_their_own_and_it_runs(tmp_path):
    torch.manual_seed(0)
    export_torchscript(fully().eval(), torch.zeros(1, 3, 32, 32), tmp_path / "model.pt")
    feed = Feed.image(Preprocess(size=(32, 32)))
    target = Target("m", feed, 1, tmp_path / "fp32.param", tmp_path / "fp32.bin")
    to_ncnn(tmp_path / "model.pt", target)
    names = [layer.name for layer in read_graph(target.param, target.weights).layers]
    assert len(names) == len(set(names)) > 4
    with pytest.raises(ZooError, match=r"has inputs .* and outputs"):
        to_ncnn(tmp_path / "model.pt", replace(target, outputs=2))


@pytest.mark.parametrize(
    ("last", "size", "noise", "agrees"),
    [
        ("Sigmoid", 1e-5, 3e-6, True),  # of what a sigmoid can be, nothing
        ("Sigmoid", 1e-2, 3e-3, False),
        ("Sigmoid", 1e-5, 3e-5, False),
        ("Relu", 1e-5, 3e-6, False),  # nobody knows what it can be
        ("Relu", 1e-5, 1e-9, True),
    ],
)
def test_noise_where_nothing_excites_the_model_is_no_disagreement(
    monkeypatch, tmp_path, last, size, noise, agrees
):
    onnx.save(chain((last, None)), tmp_path / "truth.onnx")
    generator = np.random.default_rng(0)
    own = generator.random((1, 3, 8, 8), np.float32) * size
    other = own + generator.choice([-noise, noise], own.shape).astype(np.float32)
    monkeypatch.setattr("zoo.export.ncnn.answers", lambda *_: [(other,)])
    target = Target("m", None, 1, tmp_path / "m.param", tmp_path / "m.bin")
    bounds = output_bounds([tmp_path / "truth.onnx"])
    if agrees:
        check_agreement([(own,)], target, [], bounds)
    else:
        with pytest.raises(ArtifactError, match="output 0 has the cosine"):
            check_agreement([(own,)], target, [], bounds)


class Attention(nn.Module):
    """Queries, keys and values by one projection, reshaped to five dimensions, as in ViTs and recognisers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.qkv = nn.Conv2d(3, 16, 8, 8), nn.Linear(16, 48)

    def forward(self, x):
        y = self.qkv(self.stem(x).flatten(2).transpose(1, 2))
        q, k, v = y.reshape(1, -1, 3, 2, 8).permute(2, 0, 3, 1, 4)
        y = (q @ k.transpose(2, 3)).softmax(-1) @ v
        return y.transpose(1, 2).reshape(1, -1, 16)


@pytest.mark.filterwarnings("ignore")
def test_attention_of_an_onnx_file_goes_to_ncnn(tmp_path):
    passed(build(exported(Attention(), tmp_path / "model.onnx"), tmp_path / "out"))
    files = {each.name for each in (tmp_path / "out").glob("*.onnx")}
    assert files == {"fp32.onnx", "tiny.onnx"}, "nothing is left beside them"
