"""A tiny zoo through a real Slurm of two nodes: few submissions, and the same bytes, whatever is killed."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from conftest import require
from samples.slurm import CPUS, NODES, Slurm, available, slurm, submissions
from samples.workflow import PROJECT, Outcome, Zoo

pytestmark = pytest.mark.long(240)

PROFILE = ("--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "2")
EXPORTED = "results/cpu/one/torchscript.pt"
DETERMINED = ["fp32.param", "fp32.bin", "int8.param", "int8.bin", "int8.table", "fp32.onnx", "fp16.param"]
"""Files of which the bytes follow from the configuration, of what both zoos have."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    require(available(), "Slurm (Debian's packages slurm-wlm and munge)")
    plugin = importlib.util.find_spec("snakemake_executor_plugin_slurm")
    require(plugin is not None, "Snakemake's plugin for Slurm (requirements-slurm.txt)")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # pytest's folders have names too long for a socket
    try:
        with slurm(folder) as it:
            yield it
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def started(zoo: Zoo, cluster: Slurm, *arguments: str) -> subprocess.Popen[str]:
    """Snakemake on the cluster, in the background."""
    return subprocess.Popen(
        [zoo.python, "-m", "snakemake", *PROFILE, "--cores", str(CPUS), *arguments],
        cwd=zoo.folder,
        env=os.environ | {"OMP_NUM_THREADS": "2"} | cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def built(zoo: Zoo, cluster: Slurm, *arguments: str, **environment: str) -> Outcome:
    environment |= cluster.environment
    return zoo.typed(*PROFILE, "--cores", str(CPUS), *arguments, timeout=1500, **environment)


def wait_for_submission(cluster: Slurm, comment: str) -> list[str]:
    """The row of a job that runs, see `Slurm.running`."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if found := [row for row in cluster.running() if comment in row[1]]:
            return found[0]
        time.sleep(0.3)
    raise AssertionError(f"no {comment} ever ran")


def test_a_model_is_six_submissions_and_one_that_is_cancelled_is_sent_again(
    cluster: Slurm, fresh_zoo: Zoo, built_zoo: Zoo
):
    fresh_zoo.configure(lambda config: config["models"].pop("two"))
    process = started(fresh_zoo, cluster, "all")
    cluster.ask("scancel", wait_for_submission(cluster, "export_cpu_one")[0])
    both = [wait_for_submission(cluster, each) for each in ("ncnn_cpu_one", "onnx_cpu_one")]
    busy = {row[2]: int(row[3]) for row in cluster.running()}
    measured = wait_for_submission(cluster, "measure_cpu_one")
    text, _ = process.communicate(timeout=1500)
    assert process.returncode == 0, text
    assert [each[-1] for each in (*both, measured)] == ["OK", "OK", "NO"], "what is timed has a node alone"
    # both nodes at once: together more CPUs than there are where the build was started
    assert set(busy) == set(NODES) and sum(busy.values()) > len(os.sched_getaffinity(0)), (busy, both)
    assert len(submissions(text)) == 6 + 1, text
    for name in DETERMINED:
        there, here = (zoo / f"results/cpu/one/{name}" for zoo in (fresh_zoo, built_zoo))
        assert there.read_bytes() == here.read_bytes(), name
    again = built(fresh_zoo, cluster, "all")
    assert again.status == 0 and not submissions(again.text), again.text


def test_what_a_lost_node_had_is_sent_anew_and_the_node_comes_back(cluster: Slurm, fresh_zoo: Zoo):
    process = started(fresh_zoo, cluster, EXPORTED)
    node = wait_for_submission(cluster, "export_cpu_one")[2]
    cluster.kill(node)
    text, _ = process.communicate(timeout=600)
    cluster.start_node(node)
    assert process.returncode == 0, text
    assert (fresh_zoo / EXPORTED).exists()
    cluster.wait_until_idle(*NODES)


def test_the_same_command_goes_on_where_the_build_was_killed(cluster: Slurm, fresh_zoo: Zoo):
    process = started(fresh_zoo, cluster, EXPORTED)
    number = wait_for_submission(cluster, "export_cpu_one")[0]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    outcome = built(fresh_zoo, cluster, EXPORTED)
    assert outcome.status == 0 and len(submissions(outcome.text)) == 1, outcome.text
    assert number not in [row[0] for row in cluster.running()]
    assert (fresh_zoo / EXPORTED).exists()


HUNGRY = """
import os, time
granted = int(os.environ.get("SLURM_MEM_PER_NODE") or os.environ.get("NCNN_ZOO_MEMORY_MB") or 0)
if os.environ.get("SLURM_JOB_ID") and granted < {least}:
    taken = b"x" * ({least} << 20)
    time.sleep(60)
"""


def test_what_takes_more_memory_than_it_was_granted_is_sent_again_with_more(
    cluster: Slurm, fresh_zoo: Zoo, tmp_path: Path
):
    """Slurm ends whatever is above what it asked for; Python here wants 2.5 GB where it was granted less."""
    (tmp_path / "sitecustomize.py").write_text(HUNGRY.format(least=2500))
    outcome = built(fresh_zoo, cluster, EXPORTED, PYTHONPATH=str(tmp_path))
    assert outcome.status == 0 and (fresh_zoo / EXPORTED).exists(), outcome.text
    first, second = (cluster.memory_of(number) for number in submissions(outcome.text))
    assert first < 2500 < second == 2 * first


def test_a_verdict_is_not_computed_again(cluster: Slurm, fresh_zoo: Zoo):
    (fresh_zoo / "broken.safetensors").write_bytes(b"no weights")
    fresh_zoo.configure(lambda config: config["models"]["one"].update(weights={"file": "broken.safetensors"}))
    outcome = built(fresh_zoo, cluster, EXPORTED, "--slurm-keep-successful-logs")
    assert outcome.status == 1 and len(submissions(outcome.text)) == 3, outcome.text
    logs = [path.read_text() for path in (fresh_zoo / ".snakemake/slurm_logs").rglob("*.log")]
    assert sorted("not tried again: weights" in log for log in logs) == [False, True, True]


def test_what_slurm_takes_no_job_for_is_told_before_anything_is_sent(cluster: Slurm, fresh_zoo: Zoo):
    outcome = built(fresh_zoo, cluster, EXPORTED, "--default-resources", "slurm_partition=nowhere")
    assert outcome.status == 1 and not submissions(outcome.text)
    assert "Slurm takes no jobs of" in outcome.text and "Invalid partition name specified" in outcome.text


def test_a_mistake_is_told_before_anything_is_sent(cluster: Slurm, fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config["models"]["one"].update(timm="test_convnxt"))
    outcome = built(fresh_zoo, cluster, EXPORTED)
    assert outcome.status == 1 and not submissions(outcome.text)
    assert "models: one: timm has no model test_convnxt; did you mean test_convnext? (config.yaml, line " in (
        outcome.text
    )


def test_the_profile_says_what_that_of_one_machine_says():
    here, there = (
        yaml.safe_load((PROJECT / f"profiles/{name}/config.yaml").read_text())
        for name in ("default", "slurm")
    )
    del here["resources"]  # a limit of this machine
    assert here.items() <= there.items()


def test_a_node_with_another_environment_takes_no_job(fresh_zoo: Zoo):
    outcome = fresh_zoo.typed(
        *("--mode", "remote", "--target-jobs", "weights:model=one", "--cores", "1"),
        NCNN_ZOO_TOOLS='{"python": "3.0"}',
    )
    assert outcome.status == 1 and "has another environment: python" in outcome.text, outcome.text
    assert not (fresh_zoo / "results/weights/one.json").exists()
