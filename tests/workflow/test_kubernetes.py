"""Jobs as pods: what Snakemake's plugin sends is valid, holds no secret, and runs where nothing is shared.

There is no cluster here. The plugin talks to an interface that runs the command of each job in an empty
folder, with the environment that its pod would have.
"""

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from conftest import require
from samples.workflow import PROJECT, Outcome, Zoo, make_zoo

PLUGINS = (
    "moto",
    "snakemake_storage_plugin_s3",
    "snakemake_executor_plugin_kubernetes",
    "kubernetes_validate",
)
PRESENT = all(importlib.util.find_spec(name) for name in PLUGINS)
if PRESENT:
    import kubernetes_validate

    from samples.kubernetes import Cluster, cluster
    from samples.storage import ACCESS_KEY, BUCKET, SECRET_KEY, Storage, storage

PROFILE = PROJECT / "profiles/kubernetes"
EXPORTED = "results/cpu/one/torchscript.pt"


@pytest.fixture(scope="module")
def place() -> Iterator["Storage"]:
    require(PRESENT, "moto, or a plugin of Snakemake (requirements-dev.txt, -s3.txt, -kubernetes.txt)")
    require(shutil.which("git") is not None, "git (Debian's package git)")
    with storage() as it:
        yield it


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Cluster"]:
    with cluster(tmp_path_factory.mktemp("cluster")) as it:
        yield it


@pytest.fixture(scope="module")
def outcome(
    place: "Storage", pods: "Cluster", tmp_path_factory: pytest.TempPathFactory
) -> tuple[Zoo, Outcome]:
    """A model exported by pods, from a folder that git knows."""
    zoo = make_zoo(tmp_path_factory.mktemp("machine") / "zoo")
    for arguments in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *arguments], cwd=zoo.folder, check=True)
    where = ("--workflow-profile", "profiles/kubernetes", "--default-storage-prefix", f"s3://{BUCKET}/pods")
    quick = ("--cores", "2", "--seconds-between-status-checks", "1")
    environment = place.environment | {"KUBECONFIG": str(pods.configuration())}
    return zoo, zoo.typed(*where, *quick, EXPORTED, timeout=900, **environment)


@pytest.mark.long(90)
def test_pods_build_where_nothing_is_shared(outcome: tuple[Zoo, Outcome], place: "Storage", pods: "Cluster"):
    zoo, done = outcome
    assert done.status == 0, done.text + "\n".join(pods.logs.values())
    assert len(pods.jobs) == 1  # weights and TorchScript travel together
    stored = place.objects("pods/results")
    assert {f"pods/{EXPORTED}", "pods/results/weights/one.safetensors"} <= set(stored)
    assert not (zoo / "results/weights").exists(), "this machine needs none"
    # what pods noted on how they made files is here
    note = json.loads((zoo / f"results/.made-by/{EXPORTED.removeprefix('results/')}.json").read_text())
    assert note["rule"] == "torchscript" and "results/weights/one.safetensors" in note["inputs"]
    assert not place.objects("pods/.zoo/jobs") and "pods/.zoo/lock.json" not in place.objects("pods")


@pytest.mark.long(1)
def test_job_specs_are_valid_and_hold_no_secret(outcome: tuple[Zoo, Outcome], pods: "Cluster"):
    assert pods.jobs
    for job in pods.jobs.values():
        whole = {"apiVersion": "batch/v1", "kind": "Job", **job}
        kubernetes_validate.validate(whole, "1.31", strict=True)
        container = job["spec"]["template"]["spec"]["containers"][0]
        asked = container["resources"]
        assert asked["limits"]["memory"] == asked["requests"]["memory"]
        assert {each["name"] for each in container["env"]} >= {"AWS_SECRET_ACCESS_KEY", "NCNN_ZOO_TOOLS"}
        assert SECRET_KEY not in json.dumps(job) and ACCESS_KEY not in json.dumps(job)
    assert not pods.secrets, "they are taken away when the build ends"
    assert SECRET_KEY not in outcome[1].text + "".join(pods.logs.values())


def test_a_job_spec_that_is_wrong_would_be_seen():
    require(PRESENT, "kubernetes-validate (requirements-dev.txt)")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "a"},
        "spec": {"template": {"spec": {}}},
    }
    with pytest.raises(kubernetes_validate.ValidationError, match="containers"):
        kubernetes_validate.validate(job, "1.31", strict=True)


def test_the_profile_says_what_those_of_one_machine_and_of_slurm_say():
    read = {
        name: yaml.safe_load((PROJECT / f"profiles/{name}/config.yaml").read_text())
        for name in ("default", "s3", "slurm", "kubernetes")
    }
    del read["default"]["resources"]  # a limit of one machine
    assert read["default"].items() <= read["kubernetes"].items()
    same = {key: read["s3"][key] for key in read["s3"] if "storage" in key}
    same |= {
        key: read["slurm"][key] for key in ("group-components", "resources", "set-resource-scopes", "retries")
    }
    assert same.items() <= read["kubernetes"].items()


def test_the_image_is_filled_by_the_lock_files():
    text = (PROFILE / "Containerfile").read_text().replace("\\\n", " ")
    copied = re.search(r"^COPY (.*) /opt/ncnn-zoo/$", text, re.MULTILINE)
    assert copied is not None
    files = copied[1].split()
    assert {"requirements.txt", "requirements-s3.txt", "requirements-kubernetes.txt"} == set(files)
    assert all((PROJECT / file).is_file() for file in files)
    installed = re.findall(r"pip install --no-cache-dir --require-hashes -r /opt/ncnn-zoo/(\S+)", text)
    assert installed == files, "with their hashes"
    assert "python:3.11" in text and ">=3.11" in (PROJECT / "pyproject.toml").read_text()
