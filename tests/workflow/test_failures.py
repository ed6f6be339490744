"""When something goes wrong that a user can cause: one sentence, nothing lost, nothing half-written."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from samples.workflow import Zoo, wait_for_job

pytestmark = pytest.mark.long(160)

BOMB = "l0: &l0 {a: 1}\n" + "".join(
    f"l{level}: &l{level} {{{', '.join(f'k{turn}: *l{level - 1}' for turn in range(9))}}}\n"
    for level in range(1, 12)
)
"""Twelve lines that stand for 9 ** 11 values."""


def test_an_unreachable_hub_is_one_error_a_model_and_the_rest_is_built(fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config["models"].update(hub={"timm": "convnext_atto.d2_in1k"}))
    outcome = fresh_zoo.snakemake(
        "--keep-going",
        "results/weights/hub.json",
        "results/weights/one.json",
        HF_ENDPOINT="http://127.0.0.1:9",
        HF_HUB_CACHE=str(fresh_zoo / "cache"),
    )
    assert outcome.status != 0
    assert outcome.text.count("error: ") == 1, outcome.text
    sentence = outcome.text.split("error: ")[1].split("\n\n")[0]
    assert "hub" in sentence and "weights: {file:" in sentence
    assert (fresh_zoo / "results/weights/one.json").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "opset: 13\n",
            "opset stands there twice, and the first would be lost; merge the two (config.yaml, lines 1",
        ),
        (
            "gates: {fp32: {min_cosine: .nan}}\n",
            "gates: fp32: min_cosine: nan is not a finite number",
        ),
        ("streams: 7777777777777777777777777\n", "streams: the number is too large"),
        ("x: " + "[" * 100_000, "values lie within more than 50 others"),
        (BOMB, "with aliases written out there are more than 200000 values"),
    ],
    ids=["twice", "nan", "large", "deep", "bomb"],
)
def test_a_hostile_configuration_is_a_sentence_with_its_line(fresh_zoo: Zoo, text: str, sentence: str):
    (fresh_zoo / "config.yaml").write_text("opset: 17\nmodels: {one: {timm: test_convnext}}\n" + text)
    outcome = fresh_zoo.snakemake("--dry-run", "results/weights/one.json", timeout=60)
    assert outcome.status != 0 and sentence in outcome.text, outcome.text
    assert "(config.yaml, line" in outcome.text and "Traceback" not in outcome.text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("timm: test_convnext", "tim: test_convnext"),
            "models: one: unknown tim; did you mean timm? (config.yaml, line 3, column 9)",
        ),
        (("photos, images", "potos, images"), "no image set is called potos; did you mean photos? ("),
        (("models:", "int8: {recipe: locl}\nmodels:"), "int8: recipe: unknown 'locl'; did you mean local? "),
        (("models:", "\tmodels:"), "no valid YAML: "),
    ],
    ids=["key", "set", "value", "tab"],
)
def test_a_slip_of_the_pen_is_one_line_that_says_where_and_what_was_meant(fresh_zoo: Zoo, change, sentence):
    text = (
        "# mine\nmodels:\n  one: {timm: test_convnext}\nimage_sets: {photos: {path: photos}}\n"
        "defaults: {calibration: {set: photos, images: 8}}\n"
    )
    (fresh_zoo / "config.yaml").write_text(text.replace(*change))
    outcome = fresh_zoo.snakemake("--dry-run", "results/weights/one.json")
    assert outcome.status != 0 and sentence in outcome.text, outcome.text
    assert len(outcome.text.strip().splitlines()) <= 3, outcome.text


@pytest.mark.parametrize(("image", "job"), [("0.png", "calibrate"), ("1.png", "sensitivity")])
def test_a_broken_calibration_image_is_named(zoo: Zoo, image: str, job: str):
    """One whose end is there, so that only who decodes it knows."""
    whole = bytearray((zoo / "photos" / image).read_bytes())  # 1.png is held out
    middle = len(whole) // 2
    whole[middle : middle + 20] = bytes(20)
    (zoo / "photos" / image).write_bytes(whole)
    outcome = zoo.snakemake("results/cpu/one/int8.param")
    assert outcome.status != 0
    assert f"error: {job} cpu/one: photos/{image}" in outcome.text
    assert "Traceback" not in outcome.text


def test_a_single_calibration_image_will_do(zoo: Zoo):
    for index in (1, 2, 3):
        (zoo / f"photos/{index}.png").unlink()
    zoo.configure(lambda config: config["defaults"]["calibration"].update(images=1))
    zoo.build("results/cpu/one/int8.passed")


def test_too_few_calibration_images_are_counted(zoo: Zoo):
    zoo.configure(lambda config: config["image_sets"]["photos"].update(crops=False))
    outcome = zoo.snakemake("results/cpu/one/int8.param")
    assert outcome.status != 0
    assert "image set photos: photos has 4 images and 8 are asked for" in outcome.text


def test_an_empty_calibration_set_is_an_error(zoo: Zoo):
    for picture in (zoo / "photos").iterdir():
        picture.unlink()
    outcome = zoo.snakemake("results/cpu/one/int8.param")
    assert outcome.status != 0 and "image set photos: photos has no image" in outcome.text


def test_a_model_below_its_gate_fails_in_a_sentence_and_keeps_its_report(zoo: Zoo):
    zoo.configure(lambda config: config["gates"]["int8"].update(min_sqnr_db=150))
    outcome = zoo.snakemake("results/cpu/one/int8.passed")
    assert outcome.status != 0
    assert "error: cpu/one/int8 failed verification: SQNR in dB is" in outcome.text
    assert "layers that stay float (int8: exclude) or more calibration images may help" in outcome.text
    report = json.loads((zoo / "results/cpu/one/int8.verify.json").read_text())
    assert report["verdict"]["passed"] is False and report["numbers"]["sqnr_db"] < 150


def test_a_truncated_bin_is_verified_as_broken_not_run(zoo: Zoo):
    weights = zoo / "results/cpu/one/fp16.bin"
    weights.write_bytes(weights.read_bytes()[:-10])
    (zoo / "results/.made/cpu/one/fp16.bin").unlink()  # else it is named before anything runs
    zoo.build("results/cpu/one/fp16.verify.json")
    report = json.loads((zoo / "results/cpu/one/fp16.verify.json").read_text())
    assert report["verdict"]["passed"] is False and report["numbers"] is None
    assert "fp16.bin" in report["structure"]["problems"][0]


def test_a_damaged_intermediate_is_named_with_what_repairs_it(zoo: Zoo):
    pair = [zoo / f"results/cpu/one/fp32.{part}" for part in ("param", "bin")]
    whole = [file.read_bytes() for file in pair]
    pair[1].write_bytes(whole[1][:-10])
    outcome = zoo.snakemake("results/cpu/one/bf16.param")
    command = "rm results/cpu/one/fp32.bin && snakemake results/cpu/one/fp32.bin"
    assert outcome.status != 0 and command in outcome.text
    (zoo / "results/.made/cpu/one/fp32.bin").unlink()  # as if it came from elsewhere
    outcome = zoo.snakemake("results/cpu/one/bf16.param")
    assert outcome.status != 0
    assert "fp32.bin" in outcome.text and "delete both to have them made again" in outcome.text
    for file in pair:
        file.unlink()
    zoo.build("results/cpu/one/bf16.param")
    assert [file.read_bytes() for file in pair] == whole


def test_gpu_verification_without_a_vulkan_device_is_an_error(zoo: Zoo):
    outcome = zoo.snakemake("results/gpu/one/fp32.verify.json", VK_DRIVER_FILES="/nonexistent.json")
    assert outcome.status != 0
    assert "this machine has no Vulkan device" in outcome.text
    assert outcome.jobs == set(), "it is told before the first job"
    assert (
        zoo.snakemake("results/gpu/one/fp32.onnx.verify.json", VK_DRIVER_FILES="/nonexistent.json").status
        == 0
    )


def test_images_that_change_while_a_build_runs_end_it_and_leave_nothing(zoo: Zoo):
    zoo.configure(lambda config: config["defaults"]["calibration"].update(images=300))
    build = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "2", "results/cpu/one/calibration.npz"],
        cwd=zoo.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for_job(zoo, "calibrate.py")
    with Image.open(zoo / "photos/0.png") as picture:
        picture.rotate(180).save(zoo / "photos/0.png")
    text, _ = build.communicate(timeout=120)
    assert build.returncode != 0
    assert (
        "error: calibrate cpu/one: image set photos: photos has changed since this build was planned" in text
    )
    assert not (zoo / "results/cpu/one/calibration.npz").exists()
    zoo.build("results/cpu/one/calibration.npz")


@pytest.mark.parametrize("victim", ["job", "snakemake"])
def test_a_killed_build_leaves_nothing_half_written_and_resumes(zoo: Zoo, victim: str):
    with Image.open(zoo / "photos/0.png") as picture:
        picture.resize((4000, 4000)).save(zoo / "photos/0.png")  # so that calibration takes a while
    zoo.configure(lambda config: config["defaults"]["calibration"].update(images=2000))
    before = (zoo / "results/cpu/one/calibration.npz").read_bytes()
    build = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "results/cpu/one/int8.param"],
        cwd=zoo.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    job = wait_for_job(zoo, "calibrate.py")
    (job if victim == "job" else build).kill()
    build.wait(60)
    job.wait(5)
    result = zoo / "results/cpu/one/calibration.npz"
    assert not result.exists() or result.read_bytes() == before
    zoo.configure(lambda config: config["defaults"]["calibration"].update(images=8))
    outcome = zoo.typed("results/cpu/one/int8.param")
    assert outcome.status == 0, outcome.text
    assert not list((zoo / "results/cpu/one").glob(".partial-*"))


def bomb_of_mappings(levels: int) -> str:
    """Two to the power of `levels` values, which a merge of mappings visits one by one."""
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}" for n in range(1, levels)]
    return "\n".join(lines)


def test_another_file_of_the_configuration_is_read_as_closely(zoo: Zoo):
    (zoo / "mine.yaml").write_text("opset: 13\nopset: 14\n")
    outcome = zoo.snakemake("--dry-run", "--configfile", "mine.yaml")
    assert outcome.status != 0
    assert "opset stands there twice, and the first would be lost" in outcome.text
    assert "(mine.yaml, lines 1 and 2)" in outcome.text
    (zoo / "mine.yaml").write_text(bomb_of_mappings(40))
    outcome = zoo.snakemake("--dry-run", "--configfile", "config.yaml", "mine.yaml", timeout=60)
    assert outcome.status != 0
    assert (
        "error: with aliases written out there are more than 200000 values (mine.yaml, line " in outcome.text
    )
    assert "Traceback" not in outcome.text


def test_command_lines_work_as_typed_and_a_lock_of_the_living_is_refused_by_name(zoo: Zoo):
    """Without --cores, all of them; -j and --cores win, and --unlock asks for neither."""
    assert zoo.typed("--unlock").status == 0
    (zoo / "results/cpu/one/fp16.param").unlink()
    assert "Provided cores: 5" in zoo.typed("-j5", "--verbose", "results/cpu/one/fp16.param").text
    (zoo / "results/cpu/one/fp16.param").unlink()
    command = [sys.executable, "-m", "snakemake", "-c3", "--verbose", "results/cpu/one/fp16.param"]
    with subprocess.Popen(command, cwd=zoo.folder, stderr=subprocess.PIPE, text=True) as build:
        job = wait_for_job(zoo, "ncnn_fp16.py")
        job.suspend()
        other = zoo.typed("results/cpu/one/fp16.param")
        assert other.status != 0 and "Directory cannot be locked" in other.text
        assert f"note: process {build.pid} on " in other.text
        assert zoo.typed("-n", "results/cpu/one/int8.param").status == 0
        job.resume()
        assert "Provided cores: 3" in build.communicate()[1]
    assert build.returncode == 0
    assert not list((zoo / ".snakemake/owners").glob("*.owner"))
