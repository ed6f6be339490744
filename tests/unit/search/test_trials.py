"""What was measured of a candidate, and of what it is compared with."""

import json
from dataclasses import replace

import numpy as np
import pytest

from samples.artifacts import artifact
from samples.trials import LATENCY, TRIED
from zoo.errors import ZooError
from zoo.measure.metrics import MAX_DB
from zoo.runners.reference import Reference
from zoo.search.trials import Fidelity, Trial, Tried


def test_fidelity_counts_changes_and_losses():
    logits = np.float32([[3, 0], [3, 0], [0, 3], [0, 3]])
    found = (np.float32([[3, 0], [0, 3], [0, 3], [3, 0]]),)
    truth = Reference((logits,), ("a", "b", "c", "d"), None)
    fidelity = Fidelity.of(truth, found)
    assert (fidelity.agreement, fidelity.top1_drop, fidelity.min_cosine) == (
        0.5,
        None,
        pytest.approx(0, abs=1e-6),
    )
    assert fidelity.sqnr_db == pytest.approx(10 * np.log10(36 / 36))
    labelled = replace(truth, labels=np.array([0, 0, 1, 0]))  # three right before, two after
    assert Fidelity.of(labelled, found).top1_drop == pytest.approx(25 * (3 - 3))
    assert Fidelity.of(replace(truth, labels=np.array([0, 0, 1, 1])), found).top1_drop == pytest.approx(50)


def test_fidelity_of_what_is_no_classifier_is_the_sqnr_of_its_worst_output():
    generator = np.random.default_rng(0)
    expected = tuple(generator.standard_normal((4, *shape), np.float32) for shape in [(3, 4, 4), (5,)])
    truth = Reference(expected, ("a", "b", "c", "d"), np.array([0, 0, 1, 9]), task="other")
    for found in ((expected[0] * np.float32(1.1), expected[1]), (expected[0], expected[1] * np.float32(1.1))):
        fidelity = Fidelity.of(truth, found)
        assert fidelity.sqnr_db == pytest.approx(20, abs=1e-4)
        assert (fidelity.agreement, fidelity.top1_drop) == (None, None)


def test_speed_is_that_of_the_quick_runs_of_both():
    trial = Trial.of(TRIED, LATENCY, (0.75, 0.5))
    assert trial == Trial("x", 30.0, 0.9, None, 100, 0.75, 0.5, 4.0, 2.5, 0.02)


def test_what_cannot_be_timed_has_no_speed():
    trial = Trial.of(TRIED, None, (0.75, 0.5))
    assert (trial.latency_ms, trial.speedup, trial.time_ratio) == (None, None, None)
    fp32 = Trial.of_fp32(None, 400, classifies=True)
    assert (fp32.latency_ms, fp32.speedup, fp32.sqnr_db) == (None, None, MAX_DB)


@pytest.mark.parametrize("missing", ["sqnr_db", "bytes"])
def test_a_trial_that_lacks_something_is_refused(missing):
    values = {key: value for key, value in TRIED.to_dict().items() if key != missing}
    with pytest.raises(ZooError, match=f"^a.json: a broken trial .*`{missing}`.*; delete it to have it made"):
        Tried.from_dict(values, "a.json")


@pytest.mark.parametrize(("classifies", "agreement"), [(True, 1.0), (False, None)])
def test_fp32_is_as_good_as_can_be_and_as_fast_as_itself(classifies, agreement):
    fp32 = Trial.of_fp32(LATENCY, 400, classifies)
    assert fp32 == Trial("fp32", MAX_DB, agreement, 0.0, 400, 0.0, 0.0, 10.0, 1.0, min_cosine=1.0)


def test_a_record_before_the_timing_has_fidelity_and_size(tmp_path):
    for name, size in (("a.param", 3), ("a.bin", 40)):
        (tmp_path / name).write_bytes(bytes(size))
    truth = Reference((np.float32([[3, 0], [0, 3]]),), ("a", "b"))
    found = Tried.of_files(
        artifact(tmp_path / "a.param", tmp_path / "a.bin", name="local-2"), truth, truth.outputs
    )
    figures = {"sqnr_db": MAX_DB, "agreement": 1.0, "top1_drop": None, "min_cosine": pytest.approx(1)}
    assert found.to_dict() == {"version": 1, "name": "local-2", "images": 2, "bytes": 43, **figures}
    assert Tried.from_dict(json.loads(json.dumps(found.to_dict()))) == found
