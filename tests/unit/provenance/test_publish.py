"""What is put on the hub, and what is not."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import pytest
import yaml

from samples import publishing_hub
from samples.report import benchmark, card, evaluation, verification
from samples.workflow import PROJECT
from zoo.errors import ZooError
from zoo.provenance.publish import gather

SETS = {"heldout": {"path": "photos"}}


def write(proof, folder):
    """A proof, with the files that it is of."""
    files = []
    for file in proof.structure.files:
        data = f"bytes of {file.name}".encode()
        (folder / file.name).write_bytes(data)
        files.append(replace(file, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))
    proof = replace(proof, structure=replace(proof.structure, files=tuple(files)))
    proof.write(folder / f"{proof.artifact}.verify.json")


@pytest.fixture
def zoo(tmp_path):
    """A working folder with a model: fp32 passed, int8 failed; its images say where they are from."""
    folder = tmp_path / "results/cpu/net"
    folder.mkdir(parents=True)
    (tmp_path / "results/weights").mkdir()
    card("net").write(tmp_path / "results/weights/net.json")
    write(verification("net", artifact="fp32"), folder)
    write(verification("net", failures=["no"]), folder)
    benchmark("net", artifact="fp32").write(folder / "fp32.bench.json")
    evaluation("net", artifact="fp32").write(folder / "fp32.eval.json")
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n\n# net\n")
    (folder / "calibration.npz").write_bytes(b"of no use to anybody else")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/SOURCES.md").write_text("CC0")
    sets = {**SETS, "digits_test": {"dataset": "digits"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"image_sets": sets, "models": {}}))
    return tmp_path


def gathered(zoo, **changes):
    sets = yaml.safe_load((zoo / "config.yaml").read_text())["image_sets"]
    return gather(zoo / "results/cpu/net", card("net", **changes), sets, [zoo])


def test_what_passed_is_gathered_with_its_proofs_and_the_card(zoo):
    upload = gathered(zoo)
    assert set(upload.files) == {
        *("README.md", "fp32.param", "fp32.bin"),
        *("fp32.verify.json", "fp32.bench.json", "fp32.eval.json"),
    }
    assert upload.licences == {
        "weights": "CC-BY-4.0",
        "images of heldout": str(zoo / "photos/SOURCES.md"),
        "images of digits_test": "CC-BY-4.0",
    }


def test_weights_without_a_licence_or_never_trained_are_not_published(zoo):
    with pytest.raises(ZooError, match=r"under which licence the weights of net are.*licence:"):
        gathered(zoo, licence="unknown")
    with pytest.raises(ZooError, match="random weights"):
        gathered(zoo, random=True)


def test_images_of_unknown_licence_are_in_the_way(zoo):
    (zoo / "photos/SOURCES.md").unlink()
    with pytest.raises(ZooError, match=r"taken on heldout, and photos has no SOURCES\.md"):
        gathered(zoo)


def test_without_a_card_or_a_verdict_nothing_is_published(zoo):
    (zoo / "results/cpu/net/fp32.verify.json").unlink()
    with pytest.raises(ZooError, match=r"nothing in .* has passed"):
        gathered(zoo)
    (zoo / "results/cpu/net/README.md").unlink()
    with pytest.raises(ZooError, match=r"no model card; build it \(snakemake .*README\.md\)"):
        gathered(zoo)


def test_another_file_than_the_one_that_passed_is_refused(zoo):
    (zoo / "results/cpu/net/fp32.bin").write_bytes(b"other")
    with pytest.raises(ZooError, match=r"fp32\.bin"):
        gathered(zoo)


def published(zoo, hub, *arguments, token=publishing_hub.TOKEN):
    """The script, as a person runs it."""
    return subprocess.run(
        [sys.executable, PROJECT / "scripts/publish.py", "results/cpu/net", "--to", "me/net", *arguments],
        cwd=zoo,
        env={"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": token, "HF_HOME": str(zoo / "hf"), "PATH": ""}
        | {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.fixture
def hub():
    with publishing_hub.serve() as hub:
        yield hub


def test_the_files_arrive_in_one_commit(zoo, hub):
    done = published(zoo, hub, "--private")
    assert done.returncode == 0, done.stderr
    folder = zoo / "results/cpu/net"
    files = hub.repositories["me/net"]
    assert set(files) == set(gathered(zoo).files)
    assert all(data == (folder / name).read_bytes() for name, data in files.items())
    assert json.loads(files["fp32.verify.json"])["verdict"]["passed"]
    assert hub.private == {"me/net"} and len(hub.messages) == 1
    assert "licence of weights: CC-BY-4.0" in done.stdout and f"{hub.endpoint}/me/net/commit/" in done.stdout


def test_a_dry_run_sends_nothing(zoo, hub):
    done = published(zoo, hub, "--dry-run")
    assert done.returncode == 0 and "fp32.param" in done.stdout
    assert hub.repositories == {}


def test_a_hub_that_refuses_is_told_in_a_sentence(zoo, hub):
    stranger = published(zoo, hub, token="hf_nobody")
    assert stranger.returncode == 1 and stranger.stderr.startswith("error: me/net: ")
    hub.status = 503
    done = published(zoo, hub)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
