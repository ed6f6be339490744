"""Global response normalization as plain arithmetic."""

import pytest

from samples.rewrites import SMALL, check_gone, check_places
from zoo.export.rewrites.grn import plain_grn


@pytest.mark.parametrize(
    ("name", "arguments", "places"),
    [
        ("convnextv2_tiny", SMALL, 5),
        ("convnextv2_atto", SMALL, 5),
    ],
)
def test_a_rewrite_changes_its_places_and_keeps_the_output(name, arguments, places):
    check_places(plain_grn, name, arguments, places)


def test_what_a_rewrite_removes_is_gone_and_stays_gone():
    check_gone(plain_grn, "convnextv2_atto", SMALL, "GlobalResponseNorm")
