"""What can be asked for, and what is said when it cannot."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from samples.workflow import PROJECT, Zoo, copy_project
from zoo.runners.vulkan import find_vulkan_device


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            "embeded",
            "embeded is no model of config.yaml, and nothing else that can be made; did you mean embedded?",
        ),
        (
            "resnet18",
            "models are: one, two; what else has a name: snakemake --list-target-rules; a new model",
        ),
        ("cpu/one/int8.param", "did you mean results/cpu/one/int8.param?"),
        ("results/cpu/three/int8.param", "'three' is no model of config.yaml; declared are: one, two"),
        ("results/npu/one/int8.param", "'npu' is not a device; valid are: cpu, gpu"),
        (
            "results/cpu/one/int4.param",
            "'int4.param' is not an artifact; did you mean results/cpu/one/int8.param",
        ),
        ("results/cpu/one/half", "where <artifact> is one of torchscript, fp32.onnx, fp32, fp16, bf16, w8, "),
    ],
)
def test_what_nothing_makes_is_answered_with_what_was_meant(fresh_zoo: Zoo, target: str, sentence: str):
    outcome = fresh_zoo.snakemake(target)
    assert outcome.status != 0 and sentence in outcome.text, outcome.text
    assert len(outcome.text.strip().splitlines()) <= 3, outcome.text


def test_an_unknown_configuration_key_is_refused_by_name(fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config["models"]["one"].update(colour="red"))
    outcome = fresh_zoo.snakemake("--dry-run", "results/cpu/one/int8.param")
    assert outcome.status != 0 and "colour" in outcome.text


def test_weights_from_two_sources_are_refused(fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config["models"]["one"]["weights"].update(train="digits"))
    outcome = fresh_zoo.snakemake("--dry-run", "results/cpu/one/int8.param")
    assert outcome.status != 0
    assert "one: weights come from one source, not from train and random" in outcome.text


def test_a_models_own_setting_leaves_the_zoos_others(fresh_zoo: Zoo):
    def change(config):
        config["int8"]["shards"] = 2
        config["models"]["one"]["int8"] = {"exclude": ["conv_0"]}

    fresh_zoo.configure(change)
    shards = {f"calibrate cpu/one, shard {each} of 2" for each in (1, 2)}
    assert shards < fresh_zoo.pending("results/cpu/one/calibration.npz")


def test_the_declared_zoo_is_planned_whole(tmp_path):
    zoo = copy_project(tmp_path / "zoo")
    zoo.configure(lambda config: config.update(devices=["cpu", "gpu"]))
    config = yaml.safe_load((zoo / "config.yaml").read_text())
    outcome = zoo.snakemake("--dry-run", "all")
    assert outcome.status == (find_vulkan_device() is None), outcome.text
    jobs = outcome.jobs
    for device in ("cpu", "gpu"):
        for model in config["models"]:
            assert f"int8 {device}/{model}" in jobs
            assert (f"verify {device}/{model}/torchscript" in jobs) == (device == "cpu")
    assert "report" in jobs
    embedded = zoo.pending("embedded")
    assert {job for job in embedded if job.startswith(("weights", "train"))} == {
        "weights tf_efficientnet_lite0",
        "train convnext_digits",
    }


def test_without_a_vulkan_device_auto_means_cpu_and_says_so(fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config.update(devices="auto"))
    outcome = fresh_zoo.snakemake("--dry-run", "embedded", VK_DRIVER_FILES="/nonexistent.json")
    assert outcome.status == 0 and outcome.jobs
    assert not [job for job in outcome.jobs if "gpu/" in job]
    assert "No Vulkan device found: building for cpu only." in outcome.text


def test_lint_finds_nothing():
    done = run("snakemake", "--lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_list_of_rules_has_a_line_and_a_sentence_for_each():
    rules = run("snakemake", "--list").stdout.splitlines()
    assert len(rules) > 50
    for line in rules:
        assert re.fullmatch(r"\w+ \([A-Z].*\.\)", line) and len(line) <= 130, line
        assert "(The same" not in line, f"{line}: the list is sorted, and says nothing before it"


def test_condas_environment_has_what_the_lock_pins(tmp_path):
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "rules").mkdir()
    subprocess.run(["make", "-s", "rules/environment.yaml"], cwd=tmp_path, check=True)
    made = (tmp_path / "rules/environment.yaml").read_text()
    assert made == (PROJECT / "rules/environment.yaml").read_text(), "make rules/environment.yaml"
    *_, pip = yaml.safe_load(made)["dependencies"]
    pinned = re.findall(r"^[A-Za-z0-9._\[\]-]+==", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    assert [re.match(r".*?==", each)[0] for each in pip["pip"]] == pinned


def test_rules_are_formatted():
    done = run("snakefmt", "--check", "Snakefile", "rules")
    assert done.returncode == 0, done.stdout + done.stderr


def run(module: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=300
    )
