"""Where outputs lie, which there are, and what is said of others."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.config import outputs
from zoo.config.artifacts import ARTIFACTS
from zoo.config.outputs import Report
from zoo.config.settings import Signing
from zoo.config.zoo import Zoo
from zoo.errors import ZooError

ZOO = Zoo.of(
    {
        "models": {
            "one": {"timm": "resnet18", "weights": {"random": 0}, "artifacts": ["fp32", "int8", "fp32.onnx"]},
            "two": {"onnx": "two.onnx", "int8": {"shards": 2}, "artifacts": ["fp16"]},
            "hub": {"timm": "resnet18.a1_in1k", "artifacts": ["fp32"]},
        }
    }
)
ONE = ZOO.models["one"]
A76 = {"a76": {"emulate": "cortex-a76"}}


def is_possible(path: str) -> bool:
    return re.fullmatch(outputs.possible(ZOO), path) is not None


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
    said = outputs.explain(path, ZOO)
    assert said.startswith(f"results/{path}: ") and sentence in said


def test_the_sentence_names_every_file_of_a_model():
    said = outputs.explain("cpu/one/wrong", ZOO)
    for output in outputs.OUTPUTS:
        if output.startswith("{device}/{model}/"):
            assert output.removeprefix("{device}/{model}/").replace("{", "<").replace("}", ">") in said


def test_the_constraints_admit_the_values_of_the_list_only():
    constraints = outputs.constraints(ZOO)
    for name, values in outputs.wildcards(ZOO).items():
        assert all(re.fullmatch(constraints[name], value) for value in values)
        assert not re.fullmatch(constraints[name], "something-else")
    assert re.fullmatch(constraints["shard"], "12") and not re.fullmatch(constraints["shard"], "a")
    assert not re.fullmatch(outputs.one_of([]), "")


def test_a_lock_that_is_there_is_no_jobs_to_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path, beside = outputs.lock_files("cpu", "one")
    others = ["locks/gpu/one.json", "locks/cpu/two.json", "locks/cpu/one-more.json"]
    pattern = rf"locks/(?:{outputs.unlocked_device(ZOO)})/[^/]+"
    assert all(re.fullmatch(pattern, each) for each in (path, beside, *others))
    assert outputs.lock_inputs("cpu", "one") == [path, beside], "a rule makes both"
    Path(path).parent.mkdir(parents=True)
    Path(path).write_text("{}")
    pattern = rf"locks/(?:{outputs.unlocked_device(ZOO)})/[^/]+"
    assert not re.fullmatch(pattern, path) and not re.fullmatch(pattern, beside)
    assert all(re.fullmatch(pattern, each) for each in others)
    assert outputs.lock_inputs("cpu", "one") == [path], "the job says that the other is missing"
    Path(beside).write_text("")
    assert outputs.lock_inputs("cpu", "one") == [path, beside]


def test_everything_of_some_models_is_their_artifacts_and_verdicts():
    assert outputs.built(ZOO, ["one", "two"], ("cpu", "gpu")) == [
        *("results/cpu/one/fp32.param", "results/cpu/one/fp32.bin"),
        *("results/cpu/one/int8.param", "results/cpu/one/int8.bin", "results/cpu/one/fp32.onnx"),
        *("results/cpu/one/fp32.passed", "results/cpu/one/int8.passed", "results/cpu/one/fp32.onnx.passed"),
        *("results/cpu/one/int8.table", "results/cpu/one/int8.recipe.json", "results/cpu/one/README.md"),
        *("results/cpu/two/fp16.param", "results/cpu/two/fp16.bin", "results/cpu/two/fp16.passed"),
        "results/cpu/two/README.md",
        *("results/gpu/one/fp32.param", "results/gpu/one/fp32.bin"),
        *("results/gpu/one/int8.param", "results/gpu/one/int8.bin"),
        *("results/gpu/one/fp32.passed", "results/gpu/one/int8.passed"),
        *("results/gpu/one/int8.table", "results/gpu/one/int8.recipe.json", "results/gpu/one/README.md"),
        *("results/gpu/two/fp16.param", "results/gpu/two/fp16.bin", "results/gpu/two/fp16.passed"),
        "results/gpu/two/README.md",
        *("results/report.html", "results/zoo.csv", "results/sbom.cdx.json", "results/manifest.json"),
    ]


def test_the_manifest_is_signed_if_a_command_is_configured():
    zoo = replace(ZOO, signing=Signing("sign {manifest}"))
    assert outputs.built(zoo, [], ())[-2:] == ["results/manifest.json", "results/manifest.json.sig"]


def test_the_report_needs_the_proofs_of_what_is_built_and_takes_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    report = Report(ZOO, ["two"], ("cpu",))
    proofs = [f"results/cpu/two/fp16.{proof}" for proof in ("verify.json", "eval.json", "bench.json")]
    assert report.proofs() == proofs
    assert report.cards() == ["results/weights/two.json"]
    Path("results/gpu/hub").mkdir(parents=True)
    Path("results/gpu/hub/w8.bench.json").touch()
    assert report.proofs() == [*proofs, "results/gpu/hub/w8.bench.json"]
    assert report.cards() == ["results/weights/two.json", "results/weights/hub.json"]


def test_the_report_asks_for_the_search_of_int8():
    proofs = Report(ZOO, ["one"], ("gpu",)).proofs()
    assert {"results/gpu/one/int8.search.json", "results/gpu/one/int8.sensitivity.json"} < set(proofs)
    assert "results/gpu/one/calibration.coverage.json" in proofs
    assert not [path for path in proofs if "onnx" in path]


def test_the_report_asks_for_the_way_to_ncnn():
    assert "results/cpu/two/fp32.conversion.json" not in Report(ZOO, ["two"], ("cpu",)).proofs()
    assert "results/gpu/one/fp32.conversion.json" in Report(ZOO, ["one"], ("gpu",)).proofs()


def test_statistics_are_merged_from_shards_if_there_are_any():
    assert outputs.calibration_shards("cpu", ONE) == []
    assert outputs.calibration_shards("gpu", ZOO.models["two"]) == [
        "results/gpu/two/search/calibration-1-of-2.npz",
        "results/gpu/two/search/calibration-2-of-2.npz",
    ]


def test_only_ncnns_artifacts_are_compared_layer_by_layer():
    assert outputs.layer_reference("cpu", "one", "int8") == outputs.artifact_files("cpu", "one", "fp32")
    assert outputs.layer_reference("cpu", "one", "fp32.onnx") == []


def test_weights_come_from_the_users_file_or_from_the_one_they_are_kept_in():
    assert outputs.source_file(ONE) == outputs.weights_file(ONE) == "results/weights/one.safetensors"
    assert outputs.source_file(ZOO.models["two"]) == "two.onnx"
    assert outputs.weights_file(ZOO.models["two"]) == "results/weights/two.onnx"
    local = Zoo.of({"models": {"a": {"timm": "x", "weights": {"file": "a.pth"}}}}).models["a"]
    assert outputs.source_file(local) == "a.pth"


TARGETS = Zoo.of({"models": {"one": {"timm": "resnet18", "weights": {"random": 0}}}, "targets": A76})


@pytest.mark.parametrize("path", ["int8.param", "w8.bin", "fp16.verify.json", "int8.eval.json", "int8.table"])
def test_a_target_has_what_ncnn_runs_and_its_proofs(path: str):
    assert re.fullmatch(outputs.possible(TARGETS), f"a76/one/{path}")
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
    assert not re.fullmatch(outputs.possible(TARGETS), path)
    assert sentence in outputs.explain(path, TARGETS)


def test_a_board_is_timed_and_asked_for_one_at_a_time():
    targets = {"a76": {"emulate": "cortex-a76"}, "pi5": {"ssh": "pi", "architecture": "x86_64"}}
    zoo = Zoo.of({"models": {"one": {"timm": "resnet18", "weights": {"random": 0}}}, "targets": targets})
    assert re.fullmatch(outputs.possible(zoo), "pi5/one/int8.bench.json")
    assert not re.fullmatch(outputs.possible(zoo), "pi5/one/fp32.onnx.bench.json")
    assert outputs.is_timed(zoo, "pi5") and outputs.is_timed(zoo, "cpu")
    assert [outputs.uses_board(zoo, device) for device in ("cpu", "a76", "pi5")] == [0, 0, 1]
    assert outputs.agent(zoo, "pi5") == outputs.board_agents(zoo) == ["results/targets/x86_64/agent"]
    assert [board["name"] for board in outputs.boards(zoo)] == ["pi5"]
    assert "results/pi5/one/int8.bench.json" in outputs.contenders(zoo, "pi5", "one", "bench.json")
    assert not any(file.startswith("results/pi5/") for file in outputs.on_targets(zoo, zoo.embedded))
    proofs = outputs.Report(zoo, ["one"], ["pi5"]).proofs()
    assert "results/pi5/one/int8.bench.json" in proofs and "results/a76/one/int8.bench.json" not in proofs


def test_an_artifact_of_a_target_knows_it_and_its_agent():
    values = outputs.artifact_values(TARGETS, "a76", "one", "int8")
    assert values["target"]["emulate"] == "cortex-a76"
    assert [values["target"]["agent"]] == outputs.agent(TARGETS, "a76") == ["results/targets/aarch64/agent"]
    assert "target" not in outputs.artifact_values(TARGETS, "cpu", "one", "int8")
    assert outputs.agent(TARGETS, "cpu") == []
    assert outputs.runner(TARGETS, "a76", "int8") == "target"
    assert outputs.runner(TARGETS, "cpu", "int8") == "ncnn"


@pytest.mark.parametrize(
    ("plan", "masked"),
    [
        ("auto", {"a76": ["fp16", "w8", "w6", "w4", "int8"], "gpu": [], "cpu": []}),
        (True, {"a76": ["fp16", "w8", "w6", "w4", "int8"], "gpu": ["fp16"], "cpu": ["fp16"]}),
        (False, {"a76": [], "gpu": [], "cpu": []}),
    ],
)
def test_what_computes_in_float16_on_a_target_has_masks_there(plan, masked):
    entry = {"timm": "resnet18", "weights": {"random": 0}, "fp16": {"plan": plan}}
    zoo = Zoo.of({"models": {"one": entry}, "targets": A76})
    for device, names in masked.items():
        recipe = [f"results/{device}/one/fp16.recipe.json"]
        found = [name for name in ARTIFACTS if outputs.fp16_recipe(zoo, device, "one", name) == recipe]
        assert found == names
        assert outputs.fp16_recipes(zoo, device, "one") == (recipe if names else [])
        assert (recipe[0] in outputs.built(zoo, ["one"], [device])) == bool(names)


def test_what_is_built_on_targets_is_of_all_of_them_and_of_nothing_else():
    files = outputs.on_targets(TARGETS, ["one"])
    assert "results/a76/one/fp16.passed" in files and "results/a76/one/README.md" in files
    assert all(file.startswith("results/a76/one/") for file in files)
    proofs = Report(TARGETS, ["one"], ["a76"]).proofs()
    assert "results/a76/one/int8.eval.json" in proofs
    assert [path for path in proofs if "search" in path] == ["results/a76/one/int8.search.json"]
    assert not [path for path in proofs if "bench" in path]


def with_runtime(runtime: dict, **more: object) -> Zoo:
    return Zoo.of({"models": {"one": {"timm": "x", "weights": {"random": 0}}}, "runtime": runtime, **more})


def test_there_is_a_record_of_options_where_they_are_said_or_searched():
    record = ["results/cpu/one/int8.options.json"]
    assert outputs.options_files(with_runtime({}), "cpu", "one", "int8") == []
    by_hand = with_runtime({"int8": {"use_sgemm_convolution": False}}, targets=A76)
    assert outputs.options_files(by_hand, "cpu", "one", "int8") == record
    assert outputs.options_files(by_hand, "cpu", "one", "fp16") == []
    assert outputs.options_files(by_hand, "a76", "one", "int8") == ["results/a76/one/int8.options.json"]
    assert outputs.options_judgement(by_hand, "cpu", "one") == []
    searched = with_runtime({"search": True}, targets=A76)
    assert outputs.options_files(searched, "cpu", "one", "int8") == record
    assert outputs.options_judgement(searched, "cpu", "one") == ["results/cpu/one/search/reference.npz"]
    assert outputs.options_files(searched, "a76", "one", "int8") == [], "an emulated one is not timed"
    assert outputs.options_files(searched, "cpu", "one", "fp32.onnx") == [], "it is not ncnn's"
    board = with_runtime({"search": True}, targets={"pi5": {"ssh": "pi@raspberrypi.local"}})
    assert outputs.options_files(board, "pi5", "one", "int8") == ["results/pi5/one/int8.options.json"]
    assert outputs.options_judgement(board, "pi5", "one") == ["results/cpu/one/search/reference.npz"]


def test_weights_of_few_bits_are_held_to_what_was_measured_when_they_were_made():
    zoo = Zoo.of({"models": {"one": {"timm": "x"}}, "targets": {"a76": {"emulate": "cortex-a76"}}})
    expected = [f"results/cpu/one/{name}" for name in ("w4.trial.json", "w4.recipe.json")]
    for device in ("cpu", "a76"):
        found = outputs.judgement(zoo, device, "one", "w4")
        assert found == [*expected, "results/cpu/one/search/reference.npz"]


def test_what_is_asked_of_options_is_plain_and_nothing_is_an_error():
    zoo = with_runtime({"search_threads": True, "int8": {"use_sgemm_convolution": False, "threads": 2}})
    assert outputs.asked_options(zoo, "cpu", "one", "int8") == {
        "search": False,
        "search_threads": True,
        "by_hand": {"use_sgemm_convolution": False, "threads": 2},
    }
    with pytest.raises(
        ZooError, match="one: nothing is said of the options of int8 on cpu; say some by hand"
    ):
        outputs.asked_options(with_runtime({}), "cpu", "one", "int8")


def test_the_report_asks_for_records_of_options_that_are_said():
    zoo = with_runtime({"fp16": {"threads": 2}})
    asked = [path for path in Report(zoo, ["one"], ["cpu"]).proofs() if path.endswith(".options.json")]
    assert asked == ["results/cpu/one/fp16.options.json"]
