"""timm's architectures, records and weights."""

import pytest
import torch

from samples.sources import SMALL, build, passed
from samples.weights import from_file, reference, same, spec
from zoo.errors import ZooError
from zoo.models.architecture import create
from zoo.models.weights import fetch


def test_a_fixed_input_size_follows_the_preprocessing_record():
    model = create(spec("test_vit", preprocess={"size": [96, 96]}))
    with torch.no_grad():
        assert model(torch.zeros(1, 3, 96, 96)).shape == (1, 1000)


def test_a_model_without_weights_at_timm_is_explained():
    with pytest.raises(
        ZooError, match=r"timm names no weights for darknet17 \(.*none\).* or ask for weights: \{random"
    ):
        fetch(spec("darknet17", weights={}))


def test_original_names_that_timm_converts_are_understood(tmp_path):
    # the names of facebookresearch/ConvNeXt, which timm's convnext renames
    args = {"depths": [1, 1, 1, 1], "dims": [8, 8, 8, 8], "conv_mlp": False}
    model = reference("convnext_tiny", **args)
    original = {}
    for name, tensor in model.state_dict().items():
        name = (
            name.replace("stem.", "downsample_layers.0.")
            .replace("head.norm.", "norm.")
            .replace("head.fc.", "head.")
        )
        if name.startswith("stages.") and ".downsample." in name:
            _, stage, _, rest = name.split(".", 3)
            name = f"downsample_layers.{stage}.{rest}"
        for ours, theirs in ((".blocks.", "."), ("conv_dw", "dwconv"), ("mlp.fc", "pwconv")):
            name = name.replace(ours, theirs)
        original[name] = tensor
    torch.save({"model": original}, tmp_path / "original.pth")
    fetched, source = fetch(
        spec("convnext_tiny", args=args, weights={"file": str(tmp_path / "original.pth")})
    )
    assert source["matched"] == "by timm's converter"
    assert same(fetched, model)


def test_a_file_without_a_classifier_is_not_filled_up_at_random(tmp_path):
    # this family is loaded leniently by timm, which would leave the classifier as initialized
    model = reference("dla46_c")
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("fc.")}
    torch.save(state, tmp_path / "headless.pth")
    with pytest.raises(ZooError, match=r"2 missing \(fc\.weight, fc\.bias\)"):
        fetch(from_file(tmp_path / "headless.pth", "dla46_c"))


def test_a_gray_model(tmp_path):
    gray = {"channels": "GRAY", "mean": [0.5], "std": [0.25]}
    entry = {
        "timm": "test_resnet",
        "args": {"in_chans": 1},
        "weights": {"random": 0},
        "preprocess": SMALL | gray,
    }
    built = build(entry, tmp_path)
    passed(built)
    assert built.card.input == (1, 32, 32)
