"""How long a build will take."""

import pytest

from zoo.terminal.estimates import Estimates
from zoo.terminal.stages import Job

HEAD = "s\th:m:s\trule_name\n"


def job(rule, model, threads=1):
    return Job(rule, {"device": "cpu", "model": model}, threads)


@pytest.fixture
def folder(tmp_path):
    """Two models, of 1000 and 3000 bytes; int8 of the small one took 10 s, and once 14."""
    logs = tmp_path / "logs" / "int8" / "cpu"
    logs.mkdir(parents=True)
    (logs / "small.benchmark.tsv").write_text(f"{HEAD}10.0\t0:00:10\tint8\n14.0\t0:00:14\tint8\n")
    (logs / "broken.benchmark.tsv").write_text("nothing")
    (tmp_path / "weights").mkdir()
    for name, size in (("small", 1000), ("large", 3000)):
        (tmp_path / "weights" / f"{name}.safetensors").write_bytes(b"0" * size)
        (tmp_path / "weights" / f"{name}.json").write_text("{}")
    return tmp_path


def test_a_job_takes_what_it_took_before(folder):
    assert Estimates.read(folder).of(job("int8", "small")) == 12.0


def test_of_another_model_in_proportion_to_its_weights(folder):
    assert Estimates.read(folder).of(job("int8", "large")) == 36.0
    assert Estimates.read(folder).of(job("int8", "unknown")) == 12.0


def test_what_never_ran_is_unknown(folder):
    estimates = Estimates.read(folder)
    assert estimates.of(job("verify", "small")) is None
    assert Estimates.read(folder / "elsewhere").of(job("int8", "small")) is None


def test_jobs_share_the_cores_and_one_job_takes_its_time():
    estimates = Estimates({("a", "net"): [10.0], ("b", "net"): [30.0]}, {})
    jobs = [job("a", "net"), job("a", "net"), job("b", "net", threads=2)]
    assert estimates.left(jobs, 1) == 50.0
    assert estimates.left(jobs, 2) == 40.0
    assert estimates.left(jobs, 16) == 30.0, "no number of cores makes the longest shorter"


def test_a_few_unknown_jobs_are_like_the_others_and_many_make_it_unknown():
    estimates = Estimates({("a", "net"): [10.0]}, {})
    known, unknown = job("a", "net"), job("new", "net")
    assert estimates.left([known, known, unknown], 1) == 30.0
    assert estimates.left([known, unknown, unknown], 1) is None
    assert estimates.left([], 1) is None
