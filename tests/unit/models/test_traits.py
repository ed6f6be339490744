"""What a model takes, returns and costs."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from samples.weights import spec
from zoo.errors import ZooError
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.models.architecture import create
from zoo.models.card import describe
from zoo.models.flops import count_multiply_adds
from zoo.models.traits import feed_of, outputs_of, preprocess_record, traits_of


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


def test_an_assertion_without_words_is_told_by_its_line():
    class Asserts(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise AssertionError

    feed = Feed.image(Preprocess((32, 48)))
    said = r"\(AssertionError: raise AssertionError, test_traits\.py:\d+\); mend"
    with pytest.raises(ZooError, match=said):
        outputs_of(Asserts(), feed)


def test_a_models_traits_are_those_of_one_run():
    wanted = spec("test_resnet", preprocess={"size": [32, 48]})
    model = create(wanted)
    traits = traits_of(wanted, model)
    assert traits.feed.shapes == ((3, 32, 48),) and traits.outputs == {"output": (1000,)}
    assert traits.parameters == sum(each.numel() for each in model.parameters())
    assert traits.multiply_adds == count_multiply_adds(model, [(3, 32, 48)])


def test_declared_inputs_are_named_by_their_place_and_images_have_the_records_shape():
    wanted = spec(
        preprocess={"size": [8, 8]},
        inputs=[{}, {"name": "mask", "shape": [1, 4, 4], "values": "normal"}, {"shape": [5], "values": 0.5}],
    )
    feed = feed_of(wanted)
    assert [each.name for each in feed.inputs] == ["in0", "mask", "in2"]
    assert feed.shapes == ((3, 8, 8), (1, 4, 4), (5,))
    with pytest.raises(ZooError, match="inputs must have different names, not a, a"):
        feed_of(spec(inputs=[{"name": "a", "shape": [3, 8, 8]}, {"name": "a", "shape": [3, 8, 8]}]))


def test_the_configurations_word_lies_over_the_librarys_record():
    timms = preprocess_record(spec())
    assert preprocess_record(spec(preprocess={"crop_pct": 0.5})) == replace(timms, crop_pct=0.5)


def test_outputs_in_containers_have_names():
    class Both(nn.Module):
        def forward(self, x):
            return {"map": x, "rest": [x.mean((2, 3))]}

    feed = Feed.image(Preprocess(size=(4, 6)))
    assert outputs_of(Both(), feed) == {"map": (3, 4, 6), "rest.0": (3,)}


class InFours(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(4, 3, 5, 5).mean((2, 3))


def test_a_batch_that_is_fixed_is_said():
    with pytest.raises(ZooError, match=r"^it takes a batch of 4, and none of 1: .*; export it for a batch"):
        outputs_of(InFours(), Feed.image(Preprocess(size=(5, 5))))
