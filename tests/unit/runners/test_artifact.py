"""An artifact is opened by what it says of itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from samples.artifacts import artifact, changed_in_time, make_tree, pair, proof
from samples.cards import card
from samples.ncnn import small_network
from zoo.config.records.card import ModelCard
from zoo.config.records.options import RuntimeOptions
from zoo.config.records.verification import Verification
from zoo.errors import ArtifactError, ZooError
from zoo.jobs import isolation
from zoo.jobs.isolation import isolated
from zoo.ncnn.options import Options
from zoo.runners import bounds, open_runner
from zoo.runners.artifact import Artifact, find_artifact
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


class Endless(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool(x.sum() < 1e9):
            x = x * 1.0
        return x.mean((2, 3))


class Growing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while x.numel() > 0:
            x = torch.cat([x, x])
        return x


@pytest.fixture
def program(tmp_path: Path):
    """An artifact that is a program in TorchScript."""

    def made(module: torch.nn.Module) -> Artifact:
        torch.jit.script(module).save(tmp_path / "model.pt")
        return artifact(tmp_path / "model.pt", name="torchscript", runtime="torch")

    return made


def huge(path: Path) -> Artifact:
    """An ONNX file that makes 64 GB of one number."""
    shape = numpy_helper.from_array(np.array([1, 1, 1, 1 << 34], np.int64), "shape")
    values = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
    ]
    nodes = [helper.make_node("ReduceMax", ["x"], ["m"]), helper.make_node("Expand", ["m", "shape"], ["y"])]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [shape])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return artifact(path, name="fp32.onnx", runtime="onnxruntime")


def computed(which: Artifact, seconds: float, memory_mb: int) -> None:
    """Run it once as any child does that opens an artifact, within other bounds than are usual."""
    isolation.ANSWER_S, bounds.MEMORY_MB = seconds, memory_mb
    which.open(threads=1).compute((np.zeros((3, 8, 8), np.float32),))


def write_beside(which: Artifact, path: Path) -> None:
    which.open(threads=1)
    path.write_text("")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_program_that_loops_without_end_is_ended(program):
    with pytest.raises(ArtifactError, match=r"did not answer; does the model loop without end"):
        isolated("it", computed, program(Endless()), 2, 16000)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_program_that_takes_memory_without_end_is_refused_more(program, tmp_path):
    for growing, limit in ((program(Growing()), 2000), (huge(tmp_path / "huge.onnx"), bounds.MEMORY_MB)):
        with pytest.raises(ZooError, match=rf"asks for more than {limit} MB of memory, the limit"):
            isolated("it", computed, growing, 60, limit)


def test_a_process_that_opened_a_program_writes_no_files(tmp_path):
    with pytest.raises(PermissionError):
        isolated("it", write_beside, huge(tmp_path / "huge.onnx"), tmp_path / "beside")


def test_precision_reaches_the_runtime(monkeypatch):
    seen = []
    monkeypatch.setattr("zoo.runners.artifact.open_runner", lambda *given: seen.append(given))
    replace(Artifact.of(["a.param", "a.bin"], **FIELDS), precision="bf16", device="gpu").open(threads=3)
    assert seen == [("ncnn", (Path("a.param"), Path("a.bin")), "gpu", 3, "bf16", {})]


NO_WINOGRAD = Options({"use_winograd_convolution": False}, threads=2)


def said(files: tuple[Path, Path], options: Options = NO_WINOGRAD, **fields: str) -> Path:
    """A record of options beside an artifact's files, and about these."""
    about = artifact(*files, **fields)
    record = files[0].with_name(f"{about.name}.options.json")
    RuntimeOptions(
        **about.heading(), hashes=about.hashes(), options=options, by_hand=(), reason="said by hand"
    ).write(record)
    return record


def test_the_options_of_a_record_reach_ncnn(tmp_path):
    files = pair(small_network(), tmp_path)
    runner = Artifact.of(files, options=[said(files)], **FIELDS).open(threads=1)
    assert isinstance(runner, NcnnRunner)
    assert not runner._net.opt.use_winograd_convolution and runner._net.opt.use_sgemm_convolution
    assert not runner._net.opt.use_fp16_storage, "the precision's stay"
    assert Artifact.of(files, **FIELDS).open(threads=1)._net.opt.use_winograd_convolution


def test_options_of_other_bytes_or_of_another_artifact_are_refused_by_name(tmp_path):
    files = pair(small_network(), tmp_path)
    record = said(files)
    changed_in_time(files[1])
    with pytest.raises(
        ZooError, match=r"fp32\.bin is not the file that its runtime options were found for.*rm"
    ):
        Artifact.of(files, options=[record], **FIELDS)
    with pytest.raises(ZooError, match=r"it is about gpu/fp32, not cpu/mine/fp32"):
        Artifact.of(files, options=[said(files, device="gpu")], **FIELDS)


def test_another_runtime_has_no_options_of_ncnn():
    with pytest.raises(
        ZooError, match="use_sgemm_convolution: these are options of ncnn, and torch has none"
    ):
        open_runner("torch", ["a.pt"], switches={"use_sgemm_convolution": False})


def test_what_is_found_runs_with_the_options_that_it_was_verified_with(tmp_path):
    param = make_tree(tmp_path)
    files = param, param.with_suffix(".bin")
    said(files)
    verified = param.with_name("fp32.verify.json")
    assert not find_artifact(param)[0].options, "the verification had none"
    replace(Verification.read(verified), options=NO_WINOGRAD).write(verified)
    assert find_artifact(param)[0].options == NO_WINOGRAD
    assert not find_artifact(param, device="gpu")[0].options, "it is for the CPU"


def test_what_is_not_verified_runs_with_the_options_beside_it(tmp_path):
    param = make_tree(tmp_path)
    files = param, param.with_suffix(".bin")
    param.with_name("fp32.verify.json").unlink()
    said(files)
    assert find_artifact(param)[0].options == NO_WINOGRAD
    assert not find_artifact(param, device="gpu")[0].options
    changed_in_time(files[1])
    with pytest.raises(ZooError, match="is not the file that its runtime options were found for"):
        find_artifact(param)


def test_an_artifact_that_its_runtime_cannot_read_is_an_error(tmp_path):
    broken = tmp_path / "fp32.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(ArtifactError, match=r"fp32\.onnx"):
        Artifact.of([broken], **FIELDS | {"runtime": "onnxruntime"}).open(threads=1)


def test_an_artifact_is_named_by_device_model_and_name():
    int8 = artifact("a.param", "a.bin", device="gpu", name="int8")
    assert str(int8) == "gpu/small/int8"
    assert int8.heading() == {"model": "small", "device": "gpu", "artifact": "int8"}
    assert [file.name for file in int8.files] == ["a.param", "a.bin"]


# A file's artifact and card


def test_a_files_artifact_and_card_are_found_from_its_place(tmp_path):
    param = make_tree(tmp_path)
    found, described = find_artifact(param.with_suffix(".bin"))
    assert found == artifact(param, param.with_suffix(".bin"))
    assert described == ModelCard.read(tmp_path / "results/weights/small.json")
    assert find_artifact(param, device="gpu")[0].device == "gpu"


def test_a_card_can_be_named_and_names_the_model(tmp_path):
    param = make_tree(tmp_path)
    card("another").write(tmp_path / "mine.json")
    found, described = find_artifact(param, tmp_path / "mine.json")
    assert found.model == described.name == "another"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "there is no such model card"),
        ("{", "cannot be read"),
        ("[]", "not a record, which is a JSON object"),
        ('{"name": "small"}', r"no model card as this version of ncnn-zoo writes it \(version None, not 1\)"),
        ('{"version": 1, "name": "small"}', "a broken model card .*missing required field `library`"),
    ],
)
def test_a_card_that_is_none_is_one_sentence_that_names_it(text, sentence, tmp_path):
    param, path = make_tree(tmp_path), tmp_path / "mine.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ZooError, match=rf"mine\.json: {sentence}"):
        find_artifact(param, path)


# The verification beside it


def test_an_artifact_that_passed_needs_no_caveat(tmp_path):
    found, _ = find_artifact(make_tree(tmp_path))
    assert found.proof() == proof(*found.files) and found.caveat() is None


def test_what_its_verification_does_not_vouch_for_is_said(tmp_path):
    param = make_tree(tmp_path)
    other, _ = find_artifact(param, device="gpu")
    assert other.caveat() == "gpu/small/fp32 is unverified: it was verified for cpu, not for gpu"
    found, _ = find_artifact(param)
    proof(*found.files, failures=("too far", "too late")).write(param.with_name("fp32.verify.json"))
    assert found.caveat() == "cpu/small/fp32 failed its verification: too far; too late"
    param.with_name("fp32.verify.json").unlink()
    assert found.proof() is None
    assert found.caveat() == f"cpu/small/fp32 is unverified: no fp32.verify.json lies beside {param}"


@pytest.mark.parametrize("number", [0, 1])
def test_a_file_that_is_not_the_one_verified_is_refused_whatever_its_time(tmp_path, number):
    found, _ = find_artifact(make_tree(tmp_path))
    changed_in_time(found.files[number])
    sentence = rf"{found.files[number].name} is not the file that was verified.* rm .* && snakemake .*passed"
    with pytest.raises(ZooError, match=sentence):
        found.caveat()
