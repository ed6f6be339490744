"""Parallel training branches merged."""

import pytest

from samples.rewrites import check_gone, check_places
from zoo.export.rewrites.reparameterization import reparameterize


@pytest.mark.parametrize(
    ("name", "arguments", "places"),
    [
        ("mobileone_s0", {"num_classes": 10}, 43),
        ("repvit_m0_9", {"num_classes": 10}, 109),
        ("fastvit_t8", {"num_classes": 10}, 40),
        ("repvgg_a0", {"num_classes": 10}, 22),
        ("resnet18", {"num_classes": 10}, 0),
    ],
)
def test_a_rewrite_changes_its_places_and_keeps_the_output(name, arguments, places):
    check_places(reparameterize, name, arguments, places)


def test_what_a_rewrite_removes_is_gone_and_stays_gone():
    check_gone(reparameterize, "mobileone_s0", {}, "BatchNormAct2d")
