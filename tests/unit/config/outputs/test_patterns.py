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


def test_a_board_is_timed_where_ncnn_runs():
    assert re.fullmatch(patterns.possible(BOARD), "pi5/one/int8.bench.json")
    assert not re.fullmatch(patterns.possible(BOARD), "pi5/one/fp32.onnx.bench.json")
