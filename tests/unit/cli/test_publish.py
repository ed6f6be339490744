"""`zoo publish`, with a hub on loopback."""

import json
import subprocess
import sys

import pytest

from samples import published, publishing_hub
from samples.command import call
from samples.workflow import PROJECT

RECORDS = ("verify", "bench", "eval")


@pytest.fixture
def zoo(tmp_path):
    return published.build(tmp_path)


def publish(zoo, hub, *arguments, token=publishing_hub.TOKEN):
    """The command, as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "zoo.cli.main", "publish", "results/cpu/net", "--to", "me/net", *arguments],
        cwd=zoo,
        env={"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": token, "HF_HOME": str(zoo / "hf"), "PATH": ""}
        | {"PYTHONPATH": str(PROJECT / "scripts")}
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
    done = publish(zoo, hub, "--private")
    assert done.returncode == 0, done.stderr
    folder = zoo / "results/cpu/net"
    files = hub.repositories["me/net"]
    assert set(files) == {"README.md", "fp32.param", "fp32.bin", *(f"fp32.{each}.json" for each in RECORDS)}
    assert all(data == (folder / name).read_bytes() for name, data in files.items())
    assert json.loads(files["fp32.verify.json"])["verdict"]["passed"]
    assert list(hub.objects.values()) == [files["fp32.bin"]], "weights go by LFS"
    assert hub.private == {"me/net"} and len(hub.messages) == 1
    assert "licence of weights: CC-BY-4.0" in done.stdout and f"{hub.endpoint}/me/net/commit/" in done.stdout


def test_a_dry_run_sends_nothing(zoo, hub):
    done = publish(zoo, hub, "--dry-run")
    assert done.returncode == 0 and "fp32.param" in done.stdout
    assert hub.repositories == {}


def test_json_has_the_files_their_licences_and_the_commit(zoo, hub):
    told = json.loads(publish(zoo, hub, "--json").stdout)
    assert (
        set(told["files"]) == set(hub.repositories["me/net"]) and told["licences"]["weights"] == "CC-BY-4.0"
    )
    assert told["commit"].startswith(f"{hub.endpoint}/me/net/commit/")
    assert json.loads(publish(zoo, hub, "--json", "--dry-run").stdout)["commit"] is None


def test_a_folder_of_no_model_is_told(zoo, hub):
    (zoo / "results/weights/net.json").unlink()
    done = publish(zoo, hub)
    assert done.returncode == 1 and "results/cpu/net is no folder of a model that was built" in done.stderr
    assert publish(zoo, hub, "--two").returncode == 2


@pytest.mark.parametrize("name", ["a", "a/b/c", "/a", "a/"])
def test_a_repository_without_an_owner_is_wrong_usage_whatever_the_folder_is(name: str):
    done = call("publish", "flat", "--to", name)
    assert done.exit_code == 2 and f"{name} is not of the form OWNER/NAME" in done.stderr


def test_a_hub_that_refuses_is_told_in_a_sentence(zoo, hub):
    stranger = publish(zoo, hub, token="hf_nobody")
    assert stranger.returncode == 1 and stranger.stderr.startswith("error: me/net: ")
    hub.status = 503
    done = publish(zoo, hub)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr


def test_weights_that_do_not_arrive_are_told_in_a_sentence_and_nothing_is_committed(zoo, hub):
    hub.object_status = 403
    done = publish(zoo, hub)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: me/net: ") and "fp32.bin" in done.stderr
    assert hub.repositories["me/net"] == {}
    hub.object_status = 200
    assert publish(zoo, hub).returncode == 0 and "fp32.bin" in hub.repositories["me/net"]
