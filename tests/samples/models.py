"""Models for the tests: timm architectures with random weights in which nothing is trivial."""

import timm
import torch
from torch import nn

from zoo.export.rewrites import rewrite
from zoo.sweep.lively import randomize

torch.set_num_threads(1)  # small models: more threads mostly wait, above all beside other tests


def random_model(
    name: str, seed: int = 0, size: int | None = None, **kwargs: object
) -> tuple[nn.Module, torch.Tensor]:
    """A randomized timm model in evaluation mode, and a random image (1, C, side, side) for it.

    The side is timm's own `img_size` if given, else `size`, else the architecture's native one, which also
    holds where the architecture is bound to it.
    """
    torch.manual_seed(seed)
    model = timm.create_model(name, **kwargs).eval()
    config = model.pretrained_cfg
    channels, native = config["input_size"][0], config["input_size"][-1]
    side = kwargs.get("img_size") or (native if config.get("fixed_input_size") else size or native)
    image = torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(seed + 1))
    randomize(model, seed, image.shape)
    return model, image


def rewritten_model() -> tuple[nn.Module, torch.Tensor]:
    """A tiny ConvNeXt V2 after the rewrites, and a random image for it."""
    sizes = {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32), "num_classes": 10}
    model, image = random_model("convnextv2_tiny", size=64, **sizes)
    rewrite(model, image)
    return model, image
