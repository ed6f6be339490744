"""An artifact on an emulated processor, as every other runner has it."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from samples.artifacts import FEED, artifact, pair, photos, reference
from samples.ncnn import small_network
from zoo.config.targets import Target
from zoo.errors import ArtifactError, ZooError
from zoo.measure.divergence import divergence
from zoo.measure.reference_set import ReferenceSet
from zoo.measure.verify import verify
from zoo.runners import inference, open_on_target
from zoo.runners.on_target import foreseen
from zoo.runners.reference import outputs

pytestmark = pytest.mark.long(40, group="agent")


@pytest.fixture
def target(arm_agent) -> Target:
    return Target("a76", "cortex-a76", 2, str(arm_agent))


@pytest.fixture
def there(target, tmp_path):
    """The small network as a fp32 artifact on the target."""
    return replace(artifact(*pair(small_network(), tmp_path), device="a76"), target=target)


def test_answers_are_those_of_this_machine(there, tmp_path):
    samples = photos(tmp_path, 3)
    expected = reference(small_network(), samples, tmp_path)
    (logits,), info = outputs(there, samples, FEED, expected, threads=2)
    np.testing.assert_allclose(logits, expected.logits, rtol=1e-4, atol=1e-4)
    assert info.name == "ncnn" and info.features is not None and info.version.startswith("1.0.")


def test_its_layers_are_compared_with_those_here(there, tmp_path):
    found = divergence(there, pair(small_network(), tmp_path), photos(tmp_path, 1), FEED, 0.9999, 1)
    assert found.first is None and min(layer.sqnr_db for layer in found.layers) > 90


def test_a_verification_has_fewer_images_and_says_so(there, tmp_path):
    samples = photos(tmp_path, 5)
    expected = reference(small_network(), samples, tmp_path)
    against = ReferenceSet("photos", tuple(samples), FEED, expected)
    found = verify(there, against, there.files, {"min_sqnr_db": 60}, threads=1)
    assert found.verdict.passed, found.verdict.failures
    assert (found.numbers.images, found.numbers.part_of) == (2, 5)
    assert found.device == "a76" and found.divergence is not None


def test_what_takes_long_is_announced(there, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(foreseen, "LONG_S", 0)
    with caplog.at_level(logging.WARNING):
        inference.run(there, photos(tmp_path, 1), FEED, 1)
    assert "minutes on a76, going by the first image; fewer images" in caplog.text


def test_another_number_of_inputs_is_refused(there, target):
    runner = open_on_target(there.files, target)
    with pytest.raises(ArtifactError, match="takes 1 inputs"):
        runner.run((np.zeros((3, 8, 8), np.float32),) * 2)


def test_a_processor_that_the_emulator_lacks_is_told(there, target):
    with pytest.raises(ZooError, match=r"a76: the agent ended .*cortex-a1000"):
        open_on_target(there.files, replace(target, emulate="cortex-a1000"))


def test_without_an_agent_there_is_no_target(there):
    with pytest.raises(ZooError, match="nobody said which agent"):
        open_on_target(there.files, Target("a76", "cortex-a76"))
