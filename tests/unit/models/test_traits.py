"""What a model takes, returns and costs."""

import pytest

from samples.weights import spec
from zoo.errors import ZooError
from zoo.models.architecture import create
from zoo.models.card import describe


def test_channels_that_the_preprocessing_does_not_give_are_refused():
    gray = spec(args={"in_chans": 1})
    with pytest.raises(
        ZooError, match=r"^tiny: args in_chans is 1, and preprocessing gives 3 channels \(RGB\)"
    ):
        describe(gray, create(gray), {}, "0" * 64)
    record = {"channels": "GRAY", "mean": [0.5], "std": [0.5], "size": [32, 48]}
    with pytest.raises(ZooError, match=r"^tiny: it does not take inputs of the shape \[1, 1, 32, 48\]"):
        describe(spec(preprocess=record), create(spec()), {}, "0" * 64)
    wanted = spec(args={"in_chans": 1}, preprocess=record)
    assert describe(wanted, create(wanted), {}, "0" * 64).input == (1, 32, 48)


def test_a_second_size_that_the_model_does_not_take_is_refused():
    assert describe(spec(second_size=[96, 64]), create(spec()), {}, "0" * 64).inputs[0].second_shape == (
        3,
        96,
        64,
    )
    fixed = spec("vit_tiny_patch16_224", args={"depth": 1}, second_size=[96, 96])
    with pytest.raises(ZooError, match=r"^tiny: it does not take inputs of the shape \[1, 3, 96, 96\]"):
        describe(fixed, create(fixed), {}, "0" * 64)
