"""Which outputs there are, and what is said of others."""

import re

import pytest

from samples.zoos import BOARD, TARGETS, ZOO
from zoo.config.artifacts import ARTIFACTS
from zoo.config.outputs import patterns


def is_possible(path: str) -> bool:
    return re.fullmatch(patterns.possible(ZOO), path) is not None


@pytest.mark.parametrize(
    "path",
    [
        *(f"gpu/one/{file}" for kind in ARTIFACTS.values() for file in kind.files),
        *(
            f"cpu/two/{name}.{end}"
            for name in ARTIFACTS
            for end in ("verify.json", "eval.json", "bench.json")
        ),
        *(f"cpu/two/{name}.passed" for name in ARTIFACTS),
        *("cpu/one/int8.table", "cpu/one/int8.recipe.json", "cpu/one/int8.search.json"),
        *("cpu/one/int8.sensitivity.json", "cpu/one/vendor_bundle.zip", "cpu/one/calibration.npz"),
        "cpu/one/calibration.coverage.json",
        *(
            "gpu/one/int8.options.json",
            "cpu/one/w8.deploy.zip",
            "cpu/one/w4.recipe.json",
            "cpu/one/search/trials.json",
        ),
        *("weights/one.json", "weights/one.safetensors", "weights/two.onnx"),
        *("reference/one/verification.npz", "reference/one/evaluation.npz", "datasets/digits"),
        *("report.html", "zoo.csv", "evaluation.md", "evaluation.csv"),
    ],
)
def test_what_some_rule_makes_is_possible(path: str):
    assert is_possible(path)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (
            "npu/one/int8.param",
            "'npu' is not a device; valid are: cpu, gpu; beside these there are weights, ",
        ),
        ("repord.html", "'repord.html' is not a device; valid are: cpu, gpu"),
        ("cpu/three/int8.param", "'three' is not a declared model; declared are: one, two, hub"),
        ("weights/three.safetensors", "'three.safetensors' is not a declared model"),
        (
            "cpu/one/int4.param",
            "'int4.param' is not an artifact; valid are: torchscript.pt, fp32.onnx, fp32.pa",
        ),
        (
            "cpu/one/int4.passed",
            "where <artifact> is one of torchscript, fp32.onnx, fp32, fp16, bf16, w8, w6, w4, int8",
        ),
        ("cpu/one/fp32.onnx.deploy.zip", "<deployable> is one of fp32, fp16, bf16, w8, w6, w4, int8"),
        ("cpu/one", "this is a folder; name a file in it; valid are: torchscript.pt"),
        ("cpu", "this is a folder; name a file in it"),
        (
            "weights/one.onnx",
            "not a file of results/weights; valid are: <model>.json, <weights>, where <weights>",
        ),
        (
            "reference/one/calibration.npz",
            "valid are: <model>/<purpose>.npz, where <purpose> is one of verific",
        ),
        ("datasets/cifar", "'cifar' is not a packaged data set; there are: digits"),
    ],
)
def test_what_no_rule_makes_is_impossible_and_explained(path: str, sentence: str):
    assert not is_possible(path)
    said = patterns.explain(path, ZOO)
    assert said.startswith(f"results/{path}: ") and sentence in said


def test_the_sentence_names_every_file_of_a_model():
    said = patterns.explain("cpu/one/wrong", ZOO)
    for output in patterns.OUTPUTS:
        if output.startswith("{device}/{model}/"):
            assert output.removeprefix("{device}/{model}/").replace("{", "<").replace("}", ">") in said


def test_the_constraints_admit_the_values_of_the_list_only():
    constraints = patterns.constraints(ZOO)
    for name, values in patterns.wildcards(ZOO).items():
        assert all(re.fullmatch(constraints[name], value) for value in values)
        assert not re.fullmatch(constraints[name], "something-else")
    assert re.fullmatch(constraints["shard"], "12") and not re.fullmatch(constraints["shard"], "a")
    assert not re.fullmatch(patterns.one_of([]), "")


@pytest.mark.parametrize("path", ["int8.param", "w8.bin", "fp16.verify.json", "int8.eval.json", "int8.table"])
def test_a_target_has_what_ncnn_runs_and_its_proofs(path: str):
    assert re.fullmatch(patterns.possible(TARGETS), f"a76/one/{path}")
    assert not is_possible(f"a76/one/{path}")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("a76/one/int8.bench.json", "a76 is emulated, and time under emulation says nothing"),
        ("a76/one/torchscript.pt", "'torchscript.pt' is not an artifact of a target; valid are: fp32.param"),
        ("a77/one/int8.param", "'a77' is not a device; valid are: cpu, gpu, a76;"),
        (
            "targets/mips/agent",
            "there are agents for aarch64, x86_64, armhf, riscv64; one is results/targets/aarch64/agent",
        ),
    ],
)
def test_what_a_target_lacks_is_explained(path: str, sentence: str):
    assert not re.fullmatch(patterns.possible(TARGETS), path)
    assert sentence in patterns.explain(path, TARGETS)


def test_a_board_is_timed_where_ncnn_runs():
    assert re.fullmatch(patterns.possible(BOARD), "pi5/one/int8.bench.json")
    assert not re.fullmatch(patterns.possible(BOARD), "pi5/one/fp32.onnx.bench.json")
