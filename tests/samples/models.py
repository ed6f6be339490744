"""Models for the tests: timm architectures with random weights in which nothing is trivial."""

import timm
import torch
from torch import nn

from zoo.export.rewrites import rewrite

torch.set_num_threads(1)  # small models: more threads mostly wait, above all beside other tests

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


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


@torch.no_grad()
def randomize(model: nn.Module, seed: int = 0, shape: tuple[int, ...] = (1, 3, 64, 64)) -> None:
    """Draw what a fresh model leaves at 0, 1 or nearly so: layer scales (of both signs), the affine
    parameters of norms, biases, GRN and attention parameters, and the statistics of batch norms.

    Batch norm statistics are those of a random batch of images of `shape`, perturbed, so that no
    activation explodes or dies.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(low: float, high: float, like: torch.Tensor) -> torch.Tensor:
        return torch.rand(like.shape, generator=generator) * (high - low) + low

    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if "gamma" in name or name == "layer_scale":
                parameter.copy_(draw(0.2, 1.2, parameter) * draw(-1, 1, parameter).sign())
            elif type(module).__name__ == "GlobalResponseNorm":
                parameter.copy_(draw(-0.8, 0.8, parameter))
            elif parameter.dim() == 1 and name == "weight":
                parameter.copy_(draw(0.5, 1.5, parameter))
            elif parameter.dim() == 1 or name not in ("weight", "bias"):
                parameter.copy_(draw(-0.3, 0.3, parameter) + (name == "temperature"))
    norms = [module for module in model.modules() if isinstance(module, BATCH_NORMS)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    if norms:
        model(torch.randn(4, *shape[1:], generator=generator))
    for norm in norms:
        norm.eval()
        norm.running_mean.add_(norm.running_var.sqrt() * draw(-0.3, 0.3, norm.running_mean))
        norm.running_var.mul_(draw(0.7, 1.5, norm.running_var))


def rewritten_model() -> tuple[nn.Module, torch.Tensor]:
    """A tiny ConvNeXt V2 after the rewrites, and a random image for it."""
    sizes = {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32), "num_classes": 10}
    model, image = random_model("convnextv2_tiny", size=64, **sizes)
    rewrite(model, image)
    return model, image
