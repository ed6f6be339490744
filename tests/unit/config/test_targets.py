"""Targets as config.yaml declares them."""

import json

import pytest

from zoo.config.targets import Target
from zoo.errors import ZooError


def test_a_target_is_a_processor_by_name():
    target = Target.of("a76", {"emulate": "cortex-a76"})
    assert (target.name, target.emulate, target.samples) == ("a76", "cortex-a76", 8)
    assert Target.of("a53", {"emulate": "cortex-a53", "samples": 2}).samples == 2
    assert Target(**json.loads(json.dumps(target.to_dict()))) == target


@pytest.mark.parametrize(
    ("name", "entry", "sentence"),
    [
        ("a76", None, r"say which processor it is, for example \{emulate: cortex-a76\}"),
        ("a76", {}, "emulate takes the name of a processor"),
        ("a76", {"emulate": "cortex-a76 -drive"}, "emulate takes the name of a processor"),
        ("a76", {"emulate": "cortex-a76", "vulkan": True}, "Vulkan on a target is not supported"),
        ("a76", {"emulate": "cortex-a76", "ssh": "pi@pi"}, "unknown ssh; it takes emulate, samples"),
        ("gpu", {"emulate": "cortex-a76"}, "gpu cannot be the name of a target"),
        ("weights", {"emulate": "cortex-a76"}, "weights cannot be the name of a target"),
        ("a/b", {"emulate": "cortex-a76"}, "a/b cannot be the name of a target"),
    ],
)
def test_what_cannot_be_a_target_is_refused_in_a_sentence(name: str, entry, sentence: str):
    with pytest.raises(ZooError, match=f"targets: {name}.*{sentence}|targets: {sentence}"):
        Target.of(name, entry)
