"""EdgeNeXt's blocks in NCHW."""

import pytest

from samples.rewrites import check_places
from zoo.export.rewrites.edgenext import edgenext_channels_first


@pytest.mark.parametrize(
    ("name", "arguments", "places"),
    [
        ("edgenext_xx_small", {"num_classes": 10}, 12),
    ],
)
def test_a_rewrite_changes_its_places_and_keeps_the_output(name, arguments, places):
    check_places(edgenext_channels_first, name, arguments, places)
