"""Models built from their specification."""

import pytest
import torch

from samples.sources import refused
from samples.weights import same, spec
from zoo.errors import ZooError
from zoo.models.architecture import create, naming
from zoo.models.weights import fetch


def test_random_weights_follow_the_seed_and_nothing_else():
    torch.manual_seed(1)
    first, source = fetch(spec())
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    again, _ = fetch(spec())
    assert torch.equal(torch.random.get_rng_state(), before)
    other, _ = fetch(spec(weights={"random": 6}))
    assert same(first, again) and not same(first, other)
    assert source == {"kind": "random", "location": None, "seed": 5}
    assert not first.training


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("convnext_ato", {}, "timm has no model convnext_ato; did you mean .*convnext_atto"),
        ("qqqqqqqqq", {}, "timm has no model qqqqqqqqq; timm.list_models"),
        ("convnext_atto.d2_in2k", {}, r"convnext_atto has no tag d2_in2k; it has: convnext_atto\.d2_in1k"),
        ("hf-hub:timm/resnet18.a1_in1k", {}, "timm has no model hf-hub:timm/resnet18"),
        ("test_resnet", {"nonsense": 1}, "cannot build test_resnet with args .*nonsense"),
        ("convnext_atto", {"depths": [1]}, "cannot build convnext_atto with args"),
    ],
)
def test_models_that_cannot_be_built_are_explained(name, args, said):
    with pytest.raises(ZooError, match=f"^tiny: .*{said}"):
        create(spec(name, args=args))


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"torchvision": "resnet19"}, "torchvision has no model resnet19; did you mean resnet18"),
        (
            {"torchvision": "resnet18.IMAGENET9"},
            "torchvision's resnet18 has no weights IMAGENET9; it has: IMAGENET1K_V1",
        ),
        (
            {"open_clip": "convnext_basis_w"},
            "open_clip has no model convnext_basis_w; did you mean convnext_base_w",
        ),
        (
            {"open_clip": "convnext_base_w.mine"},
            "open_clip's convnext_base_w has no weights mine; it has: laion2b",
        ),
        ({"module": "samples.sources"}, "'samples.sources' is no entry point: write module:function"),
        ({"module": "no_such_code:net"}, "the module no_such_code cannot be imported"),
        ({"module": "samples.nets:nothing"}, "samples.nets has no function nothing"),
        (
            {"module": "samples.sources:build", "args": {"entry": 1}},
            "its function cannot build samples.sources:build with args",
        ),
        ({"module": "samples.sources:noise_images", "args": {}}, "cannot build"),
        (
            {"module": "samples.nets:fully", "args": {"channels": 4}},
            r"it does not take inputs of the shape \[1, 3, 224, 224\]",
        ),
        (
            {"timm": "test_resnet", "args": {"in_chans": 4}, "weights": {"random": 0}},
            "args in_chans is 4, and preprocessing gives 3 channels",
        ),
        (
            {
                "module": "samples.nets:two_views",
                "task": "classification",
                "inputs": [
                    {"shape": [3, 8, 8]},
                    {"shape": [1, 4, 4], "values": 0},
                    {"shape": [5], "values": 0},
                ],
            },
            "a classifier has one output of the shape",
        ),
        (
            {"module": "samples.nets:fully", "second_size": [8, 8], "inputs": [{"shape": [3, 8, 8]}]},
            "give each of inputs its second_shape",
        ),
    ],
)
def test_a_model_that_cannot_be_built(tmp_path, entry, text):
    refused(entry, tmp_path, text)


def test_the_models_name_is_put_before_an_error_and_nothing_else_is_touched():
    with pytest.raises(ZooError, match=r"^tiny: too large$"), naming(spec()):
        raise ZooError("too large")
    with pytest.raises(KeyError), naming(spec()):
        raise KeyError
