"""`zoo serve`: what is refused before anything is served; see tests/unit/serving for what is."""

import pytest

from samples.command import call


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--port", "80"], "1024<=x<=65535"), (["--timeout", "0"], "0<x<1000000"), (["--workers", "0"], "x>=1")],
)
def test_a_number_that_makes_no_sense_is_wrong_usage(arguments: list[str], sentence: str):
    done = call("serve", "int8.param", *arguments)
    assert done.exit_code == 2 and sentence in done.stderr


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zoo.errors.find_spec", lambda name: None)
    monkeypatch.setattr("zoo.errors.sys.modules", {})
    done = call("serve", "int8.param")
    assert (
        done.exit_code == 1 and "zoo serve needs litserve" in done.stderr and "ncnn-zoo[serve]" in done.stderr
    )


def test_an_artifact_that_there_is_not_is_a_sentence():
    done = call("serve", "none/int8.param")
    assert done.exit_code == 1 and "there is no such file" in done.stderr
