"""The manifest of a build, its check, its signature, and the page of a model, by real Snakemake."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from samples.artifacts import changed_in_time
from samples.workflow import BUILT, Zoo, copy_project

pytestmark = pytest.mark.long(40)

MANIFEST, SIGNATURE = "results/manifest.json", "results/manifest.json.sig"
INT8 = "results/cpu/one/int8.bin"


def manifest(zoo: Zoo) -> dict:
    return json.loads((zoo / MANIFEST).read_text())


def without(zoo: Zoo) -> set[str]:
    """What a partial build has that is neither described nor left out on purpose."""
    described = {f"results/{path}" for path in manifest(zoo)["files"]}
    return {name for name in BUILT if not name.endswith(".passed")} - described


def checked_by_hand(zoo: Zoo, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "scripts/check_manifest.py", MANIFEST, *arguments]
    return subprocess.run(command, cwd=zoo.folder, capture_output=True, text=True, timeout=60)


@pytest.mark.long(20)
def test_a_partial_build_is_described_as_it_is_and_then_nothing_is_pending(zoo: Zoo):
    card = "results/cpu/one/README.md"
    assert zoo.build(MANIFEST, card) == {"sbom", "manifest", "model card cpu/one"}
    assert zoo.pending(MANIFEST, card, *BUILT) == set()
    record = manifest(zoo)
    assert without(zoo) == set() and "cpu/one/README.md" in record["files"]
    for path, described in record["files"].items():
        made = described["made"]
        assert made["command"] == f"snakemake --force results/{path}" and made["params"]["code"], path
        tools = record["surroundings"][made["surroundings"]]["tools"]
        assert {"torch", "timm", "onnx", "onnxruntime", "ncnn", "pnnx", "snakemake", "python"} <= set(tools)
    inputs = record["files"]["cpu/one/int8.bin"]["made"]["inputs"]
    assert inputs["results/cpu/one/fp32.bin"] == record["files"]["cpu/one/fp32.bin"]["sha256"]
    verdicts = {(each["model"], each["artifact"]): each["verdict"] for each in record["artifacts"]}
    assert verdicts["one", "int8"]["status"] == "passed" and verdicts["one", "int8"]["figures"]["sqnr_db"] > 3
    assert verdicts["one", "fp16"]["status"] == "not verified"
    assert record["sbom"] == "sbom.cdx.json" and record["commit"] is None


@pytest.mark.long(20)
def test_what_a_file_was_made_with_is_told_not_what_there_is_now(zoo: Zoo):
    note = zoo / "results/.made-by/cpu/one/int8.bin.json"
    making = json.loads(note.read_text())
    making["surroundings"]["tools"]["torch"] = "2.0.0"
    note.write_text(json.dumps(making))
    (zoo / "results/.made-by/cpu/one/int8.param.json").unlink()
    zoo.build(MANIFEST)
    record = manifest(zoo)
    made = record["files"]["cpu/one/int8.bin"]["made"]
    assert record["surroundings"][made["surroundings"]]["tools"]["torch"] == "2.0.0"
    assert record["files"]["cpu/one/int8.param"]["made"] is None, "nobody wrote it down"


@pytest.mark.long(30)
def test_a_check_names_all_that_differs_although_a_build_would_not_start(zoo: Zoo):
    zoo.build(MANIFEST)
    (zoo / "results/history.jsonl").unlink()
    passed = zoo.snakemake("check_manifest")
    assert not (zoo / "results/history.jsonl").exists(), "who checks writes nothing"
    assert passed.status == 0 and "every file is what it says" in passed.text
    assert zoo.snakemake("check_manifest").jobs == {"check_manifest"}, "each time"
    changed_in_time(zoo / INT8)
    (zoo / "results/cpu/two/int8.param").unlink()
    shutil.copy(zoo / "results/cpu/one/fp16.bin", zoo / "results/cpu/one/stranger.bin")
    before = (zoo / MANIFEST).read_bytes()
    sentences = (
        f"{INT8} is another: its SHA-256 is ",
        "results/cpu/two/int8.param is missing\n",
        "results/cpu/one/stranger.bin is there and not in the manifest\n",
    )
    outcome, by_hand = zoo.snakemake("check_manifest"), checked_by_hand(zoo)
    assert outcome.status != 0 and by_hand.returncode == 1 and "Traceback" not in outcome.text
    for sentence in sentences:
        assert sentence in outcome.text and sentence in by_hand.stderr
    assert "error: 3 things are not as results/manifest.json says" in by_hand.stderr
    assert (zoo / MANIFEST).read_bytes() == before and not (zoo / "results/cpu/two/int8.param").exists()
    for targets in (("check_manifest", "results/zoo.csv"), (MANIFEST,)):
        refused = zoo.snakemake("--dry-run", *targets)
        assert refused.status != 0 and f"{INT8} is not what its job made" in refused.text


def test_a_check_without_a_manifest_says_how_to_make_one(built_zoo: Zoo):
    outcome = built_zoo.snakemake("check_manifest")
    assert outcome.status != 0 and "there is no manifest; make one: snakemake results/manifest.json" in (
        outcome.text
    )


@pytest.mark.long(40)
def test_a_configured_command_signs_the_manifest_and_a_check_confirms_it(zoo: Zoo, ssh_keygen: str):
    make_key(ssh_keygen, zoo / "key")
    sign = "ssh-keygen -Y sign -f key -n ncnn-zoo {manifest}"
    verify = "ssh-keygen -Y verify -f allowed -I zoo -n ncnn-zoo -s {signature} < {manifest}"
    zoo.configure(lambda config: config.update(signing={"command": sign, "verify": verify}))
    assert zoo.build(SIGNATURE) == {"sbom", "manifest", "sign"}
    assert "BEGIN SSH SIGNATURE" in (zoo / SIGNATURE).read_text()
    assert "it is signed" in zoo.snakemake("check_manifest").text
    assert checked_by_hand(zoo, "--verify", verify).returncode == 0
    record = manifest(zoo)
    record["models"] = {}
    (zoo / MANIFEST).write_text(json.dumps(record))
    outcome = zoo.snakemake("check_manifest")
    assert outcome.status != 0 and f"{SIGNATURE} does not confirm {MANIFEST}" in outcome.text
    (zoo / MANIFEST).unlink()
    zoo.build(MANIFEST)
    assert not (zoo / SIGNATURE).exists(), "that of the older manifest went with it"
    assert f"{SIGNATURE} is missing" in zoo.snakemake("check_manifest").text


@pytest.mark.long(20)
def test_a_command_that_fails_is_a_sentence_and_leaves_no_signature(zoo: Zoo):
    command = "echo half > {signature}; echo no such key >&2; exit 3; : {manifest}"
    zoo.configure(lambda config: config.update(signing={"command": command}))
    outcome = zoo.snakemake(SIGNATURE)
    assert outcome.status != 0 and (zoo / MANIFEST).exists() and not (zoo / SIGNATURE).exists()
    assert "error: sign: the command of signing ended with status 3, no such key" in outcome.text


def test_all_and_embedded_describe_and_sign_what_they_build(tmp_path: Path):
    zoo = copy_project(tmp_path / "zoo")
    zoo.configure(
        lambda config: config.update(devices=["cpu"], signing={"command": "cp {manifest} {signature}"})
    )
    for target, model in (("all", "convnext_atto"), ("embedded", "tf_efficientnet_lite0")):
        assert {"manifest", "sbom", "sign", f"model card cpu/{model}"} <= zoo.pending(target)
    assert zoo.pending("evaluate") & {"manifest", "sign"} == set()


def make_key(ssh_keygen: str, path: Path) -> None:
    """A key, and beside it the list of those whose signatures count."""
    command = [ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-C", "zoo", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    kind, key, *_ = path.with_suffix(".pub").read_text().split()
    path.with_name("allowed").write_text(f"zoo {kind} {key}\n")
