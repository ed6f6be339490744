"""`zoo verify`: against what the original answered, without building anything."""

import json
from pathlib import Path

import pytest
import yaml

from samples.artifacts import make_tree, pair, photos, reference
from samples.command import call
from samples.ncnn import small_network


@pytest.fixture
def param(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo of one model whose reference is at hand."""
    monkeypatch.chdir(tmp_path)
    param = make_tree(tmp_path)
    (tmp_path / "photos").mkdir()
    samples = photos(tmp_path / "photos")
    config = {
        "models": {"small": {"timm": "test_resnet"}},
        "defaults": {"verification": {"path": "photos", "images": 3}},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    place = tmp_path / "results/reference/small"
    place.mkdir(parents=True)
    reference(small_network(), samples, tmp_path).save(place / "verification.npz")
    return param


def test_a_right_artifact_passes_and_no_record_is_written(param: Path):
    before = param.with_name("fp32.verify.json").read_bytes()
    done = call("verify", param)
    assert done.exit_code == 0 and done.stdout.startswith("cpu/small/fp32: passed\n  3 images of")
    assert "top-1 agreement 100.0%" in done.stdout
    assert param.with_name("fp32.verify.json").read_bytes() == before
    assert json.loads(call("verify", param, "--json").stdout)["verdict"]["passed"] is True


def test_a_wrong_one_fails_and_says_why(param: Path):
    param.with_name("fp32.verify.json").unlink()
    pair(small_network(seed=1), param.parent)
    done = call("verify", param)
    assert done.exit_code == 1 and "cpu/small/fp32: FAILED" in done.stdout and "the gate" in done.stdout


def test_without_the_answers_of_the_original_that_is_said(param: Path, tmp_path: Path):
    (tmp_path / "results/reference/small/verification.npz").unlink()
    done = call("verify", param)
    assert (
        done.exit_code == 1
        and "verification.npz: there is no such file; build it, or bring it" in done.stderr
    )
