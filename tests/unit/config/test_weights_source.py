"""Where a training's images and start come from."""

import pytest
import torch

from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError

torch.set_num_threads(1)


def test_images_must_be_named():
    with pytest.raises(ZooError, match=r"^m: say which images to train on"):
        ModelSpec.from_config("m", {"timm": "resnet18", "weights": {"train": {"epochs": 3}}})
