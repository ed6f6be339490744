"""The norm behind the flatten."""

import pytest

from samples.rewrites import SMALL, check_places
from zoo.export.rewrites.pooled_norm import norm_after_flatten


@pytest.mark.parametrize(
    ("name", "arguments", "places"),
    [
        ("convnext_atto", SMALL, 1),
        ("convnext_atto", {**SMALL, "head_norm_first": True}, 0),
        ("convnext_atto", {**SMALL, "head_hidden_size": 12}, 1),
        ("convnext_atto", {**SMALL, "num_classes": 0, "global_pool": ""}, 0),
    ],
)
def test_a_rewrite_changes_its_places_and_keeps_the_output(name, arguments, places):
    check_places(norm_after_flatten, name, arguments, places)
