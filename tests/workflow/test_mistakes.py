"""A mistake in config.yaml, or in what it points to, is told when a build is planned, in three lines."""

import shutil

import pytest

from conftest import require
from samples.workflow import Outcome, Zoo
from zoo.jobs.host import is_one
from zoo.targets.carriers import EMULATORS

pytestmark = pytest.mark.long(40)


def last_lines(outcome: Outcome) -> list[str]:
    """What stands on the screen below Snakemake's word for it."""
    lines = [line for line in outcome.text.splitlines() if not line.startswith("Using workflow specific")]
    return lines[lines.index("ConfigError:") + 1 :]


def mistaken(config: dict) -> None:
    config["models"]["one"]["timm"] = "test_convnxt"
    config["models"]["two"]["weights"] = {"file": "photos"}
    config["image_sets"]["others"]["path"] = "empty"


def test_a_dry_run_shows_the_plan_and_then_each_mistake_in_a_line(fresh_zoo: Zoo):
    (fresh_zoo / "empty").mkdir()
    fresh_zoo.configure(mistaken)
    outcome = fresh_zoo.snakemake(
        "--dry-run", "results/cpu/one/fp32.verify.json", "results/cpu/two/fp32.param"
    )
    assert outcome.status == 1 and {"weights one", "verify cpu/one/fp32"} <= outcome.jobs, outcome.text
    lines = sorted(last_lines(outcome))
    said = (
        "image set others: empty has no image; add some or name another path",
        "models: one: timm has no model test_convnxt; did you mean test_convnext?",
        "models: two: photos is a folder, and a file belongs there",
    )
    assert len(lines) == 3
    for line, sentence in zip(lines, said, strict=True):
        assert line.startswith(f"{sentence} (config.yaml, line "), line


def test_a_build_that_is_bound_to_fail_ends_before_its_first_job(fresh_zoo: Zoo):
    whole = (fresh_zoo / "photos/0.png").read_bytes()
    (fresh_zoo / "photos/0.png").write_bytes(whole[: len(whole) // 2])
    outcome = fresh_zoo.snakemake("results/cpu/one/int8.param", "results/cpu/two/int8.param")
    assert outcome.status == 1 and not outcome.jobs, outcome.text
    (line,) = last_lines(outcome)
    assert line.startswith("image set photos: photos/0.png: cannot be read as an image (")
    assert not (fresh_zoo / "results/weights").exists()


def test_models_without_a_mistake_are_built_and_the_others_told(fresh_zoo: Zoo):
    fresh_zoo.configure(mistaken)
    fresh_zoo.configure(lambda config: config["models"]["two"].update(weights={"random": 1}))
    targets = ("results/weights/one.json", "results/weights/two.json")
    outcome = fresh_zoo.snakemake("--keep-going", *targets)
    assert outcome.status == 1 and (fresh_zoo / targets[1]).exists(), outcome.text
    assert "note: models: one: timm has no model test_convnxt; did you mean " in outcome.text
    assert outcome.text.count("error: ") == 1 and "error: weights: one: timm has no model" in outcome.text


@pytest.mark.skipif(is_one("aarch64"), reason="on a machine of that architecture nothing is emulated")
def test_a_processor_that_the_emulator_does_not_know_is_told(fresh_zoo: Zoo):
    require(shutil.which(EMULATORS["aarch64"]) is not None, "QEMU (Debian's package qemu-user-static)")
    fresh_zoo.configure(lambda config: config.update(targets={"z": {"emulate": "cortex-z76"}}))
    outcome = fresh_zoo.snakemake("--dry-run", "results/z/one/fp32.verify.json")
    (line,) = last_lines(outcome)
    said = "targets: z: QEMU (qemu-aarch64-static) has no processor cortex-z76; did you mean cortex-a76? ("
    assert outcome.status == 1 and said in line, outcome.text


def test_a_missing_vulkan_device_is_told_by_a_dry_run(fresh_zoo: Zoo):
    outcome = fresh_zoo.snakemake(
        "--dry-run", "results/gpu/one/fp32.verify.json", VK_DRIVER_FILES="/nonexistent.json"
    )
    assert outcome.status == 1 and outcome.jobs, outcome.text
    (line,) = last_lines(outcome)
    assert line.startswith("this machine has no Vulkan device")


def test_an_empty_configuration_is_told_with_what_to_write(fresh_zoo: Zoo):
    (fresh_zoo / "config.yaml").write_text("")
    outcome = fresh_zoo.snakemake("--dry-run")
    (line,) = last_lines(outcome)
    assert outcome.status == 1 and line.startswith("config.yaml says nothing; declare a model")
