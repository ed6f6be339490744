"""What a job measured before it was killed is kept for the same job only."""

from types import SimpleNamespace

from zoo.jobs.kept import Kept


def job(path, **params) -> SimpleNamespace:
    return SimpleNamespace(rule="trials", input=[path], params=params)


def test_values_are_kept_until_the_job_is_done(tmp_path):
    output = tmp_path / "trials.json"
    kept = Kept(output, "key")
    assert kept.get("a") is None
    kept.keep({"a": {"ms": 1.5}})
    kept.keep({"b": 2})
    again = Kept(output, "key")
    assert (again.get("a"), again.get("b")) == ({"ms": 1.5}, 2)
    again.done()
    again.done()
    assert Kept(output, "key").get("a") is None and list(tmp_path.iterdir()) == []


def test_those_of_something_else_or_a_broken_file_count_for_nothing(tmp_path):
    output = tmp_path / "trials.json"
    Kept(output, "key").keep({"a": 1})
    assert Kept(output, "other").get("a") is None
    (tmp_path / "trials.unfinished.json").write_text('{"key": "key", "val')
    assert Kept(output, "key").get("a") is None


def test_the_key_is_all_that_values_follow_from(tmp_path):
    source, output = tmp_path / "fp32.bin", tmp_path / "trials.json"
    source.write_bytes(b"weights")
    Kept.of_job(job(source, images=8), output, "a CPU").keep({"a": 1})
    assert Kept.of_job(job(source, images=8), output, "a CPU").get("a") == 1
    assert Kept.of_job(job(source, images=9), output, "a CPU").get("a") is None
    assert Kept.of_job(job(source, images=8), output, "another CPU").get("a") is None
    source.write_bytes(b"others!")
    assert Kept.of_job(job(source, images=8), output, "a CPU").get("a") is None
