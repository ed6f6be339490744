"""Candidates tried in one job. Where they are quantized and timed: tests/workflow/test_int8_search.py."""

from pathlib import Path

import pytest

from zoo.config.records.kept_trials import CLOSENESS
from zoo.errors import ZooError
from zoo.jobs.kept import Kept
from zoo.quantize.recipe import Recipe
from zoo.runners.artifact import Artifact
from zoo.search.measured import CandidateTrials
from zoo.search.subject import Source
from zoo.search.trials import Tried

TRIED = {
    name: Tried(30.0 + place, 1.0, None, name=name, images=8, bytes=9) for place, name in enumerate("ab")
}


def trials(folder: Path) -> CandidateTrials:
    """Of a model whose files are not there."""
    source = Source("net", "cpu", *(str(folder / name) for name in ("no.param", "no.bin", "no.npz")))
    artifact = Artifact("net", "cpu", "int8", "ncnn", "int8", ())
    return CandidateTrials(source, artifact, None, None, None, 1, 1000)


def test_what_was_measured_before_an_interruption_is_not_measured_again(tmp_path: Path):
    output = tmp_path / "trials.json"
    kept = Kept(output, "key")
    kept.keep({f"{name}: {CLOSENESS}": each.to_dict() for name, each in TRIED.items()})
    again = Kept(output, "key")
    found = trials(tmp_path).measure({name: Recipe(name, {}) for name in "ba"}, again, output)
    assert found.tried == (TRIED["b"], TRIED["a"]) and found.latencies == ()
    assert [path.name for path in tmp_path.iterdir()] == ["trials.unfinished.json"]


def test_what_was_not_is(tmp_path: Path):
    with pytest.raises(ZooError, match=r"no\.param"):
        trials(tmp_path).measure(
            {"a": Recipe("a", {})}, Kept(tmp_path / "trials.json", "key"), tmp_path / "x"
        )
