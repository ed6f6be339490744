"""What is said of targets that nothing makes."""

import re

import pytest

from samples.zoos import TARGETS, ZOO
from zoo.config.outputs import patterns, unknown
from zoo.config.zoo import Zoo
from zoo.errors import ZooError


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (
            "npu/one/int8.param",
            "'npu' is not a device; valid are: cpu, gpu; did you mean results/gpu/one/int8.param?",
        ),
        (
            "disk/one/int8.param",
            "'disk' is not a device; valid are: cpu, gpu; beside these there are weights, ",
        ),
        (
            "repord.html",
            "'repord.html' is not a device; valid are: cpu, gpu; did you mean results/report.html?",
        ),
        ("cpu/three/int8.param", "'three' is no model of config.yaml; declared are: one, two, hub"),
        (
            "cpu/onne/int8.param",
            "'onne' is no model of config.yaml; did you mean results/cpu/one/int8.param?",
        ),
        ("weights/three.safetensors", "'three.safetensors' is no model of config.yaml"),
        (
            "cpu/one/model.onnx",
            "'model.onnx' is not an artifact; valid are: torchscript.pt, fp32.onnx, fp32.pa",
        ),
        (
            "cpu/one/half",
            "where <artifact> is one of torchscript, fp32.onnx, fp32, fp16, bf16, w8, w6, w4, int8",
        ),
        ("cpu/one/half", "<deployable> is one of fp32, fp16, bf16, w8, w6, w4, int8"),
        ("cpu/one/int4.param", "'int4.param' is not an artifact; did you mean results/cpu/one/int8.param?"),
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
    assert not re.fullmatch(patterns.possible(ZOO), path)
    said = unknown.explain(path, ZOO)
    assert said.startswith(f"results/{path}: ") and sentence in said


def test_the_sentence_names_every_file_of_a_model():
    said = unknown.explain("cpu/one/wrong", ZOO)
    for output in patterns.OUTPUTS:
        if output.startswith("{device}/{model}/"):
            assert output.removeprefix("{device}/{model}/").replace("{", "<").replace("}", ">") in said


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("a76/one/int8.bench.json", "a76 is emulated, and time under emulation says nothing"),
        ("a76/one/script.pt", "'script.pt' is not an artifact of a target; valid are: fp32.param"),
        ("a77/one/int8.param", "valid are: cpu, gpu, a76; did you mean results/a76/one/int8.param?"),
        (
            "targets/mips/agent",
            "there are agents for aarch64, x86_64, armhf, riscv64; one is results/targets/aarch64/agent",
        ),
    ],
)
def test_what_a_target_lacks_is_explained(path: str, sentence: str):
    assert not re.fullmatch(patterns.possible(TARGETS), path)
    assert sentence in unknown.explain(path, TARGETS)


def refuse(*targets: str) -> None:
    made = re.compile(r"locks/(cpu|gpu)/\w+\.json")
    makes = lambda path: bool(made.fullmatch(path))  # noqa: E731
    unknown.refuse(targets, ZOO, ["all", "embedded", "report"], ["int8", "verify"], makes)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            "embeded",
            "embeded is no model of config.yaml, and nothing else that can be made; did you mean embedded?",
        ),
        ("onne", "nothing else that can be made; did you mean one?"),
        ("resnet18", "models are: one, two, hub; what else has a name: snakemake --list-target-rules"),
        ("int8", "int8 makes files of every model, and none by that name alone; name a model, or a file"),
        (
            "results/cpu/onne/int8.param",
            "results/cpu/onne/int8.param: 'onne' is no model of config.yaml; did you mean",
        ),
        ("cpu/one/int8.param", "did you mean results/cpu/one/int8.param?"),
        ("result/cpu/onne/int8.parm", "did you mean results/cpu/one/int8.param?"),
        (
            "locks/npu/one.json",
            "locks/npu/one.json cannot be made: a lock is of a model that says int8: {lock: true}",
        ),
        ("/nowhere/x.bin", "/nowhere/x.bin is nothing that can be made; what is made lies in results/"),
    ],
)
def test_the_first_target_that_nothing_makes_is_refused_with_what_was_meant(target: str, sentence: str):
    with pytest.raises(ZooError) as told:
        refuse("all", target, "nor this")
    assert sentence in str(told.value)


def test_what_is_made_is_asked_for_as_it_is():
    refuse("all", "./results/cpu/one/int8.param", "locks/cpu/one.json", "s3://bucket/zoo/x")


def test_no_sentence_lists_a_thousand_models():
    entry = {"timm": "resnet18", "weights": {"random": 0}}
    zoo = Zoo.of({"models": {f"model{number}": entry for number in range(1000)}})
    said = unknown.explain("cpu/convnext/int8.param", zoo)
    assert said.endswith("model18, model19 and 980 more")
    assert len(unknown.explain("weights/other.onnx", zoo)) < 500
