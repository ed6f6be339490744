"""The Linear MLP of a ConvNeXt block as convolutions."""

import pytest

from samples.rewrites import SMALL, check_gone, check_places
from zoo.export.rewrites.conv_mlp import mlp_to_convolution


@pytest.mark.parametrize(
    ("name", "arguments", "places"),
    [
        ("convnext_tiny", SMALL, 5),
        ("convnext_tiny", {**SMALL, "conv_bias": False, "ls_init_value": None}, 5),
        ("convnextv2_tiny", SMALL, 5),
        ("convnext_atto", SMALL, 0),
    ],
)
def test_a_rewrite_changes_its_places_and_keeps_the_output(name, arguments, places):
    check_places(mlp_to_convolution, name, arguments, places)


def test_what_a_rewrite_removes_is_gone_and_stays_gone():
    check_gone(mlp_to_convolution, "convnext_tiny", {**SMALL, "num_classes": 0}, "Linear")
