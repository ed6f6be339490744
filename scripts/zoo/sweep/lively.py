"""Random weights in which nothing is trivial: a fresh model multiplies whole branches by nearly zero."""

from copy import deepcopy

import torch
from torch import nn

from zoo.export.rewrites.modules import float64_arithmetic
from zoo.runners.torch_outputs import largest_error, tensors_of

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
LEAST_GAIN = 0.5
"""What a layer's weights must make of inputs of variance 1, as a standard deviation."""

STEADY = 1e-3
"""The largest error, of the largest output, that float32 may make of a model by itself; most make 1e-6."""


@torch.no_grad()
def randomize(model: nn.Module, seed: int = 0, shape: tuple[int, ...] = (1, 3, 64, 64)) -> None:
    """Draw what a fresh model leaves at 0, 1 or nearly so: layer scales (of both signs), the affine
    parameters of norms, biases, GRN and attention parameters, and the statistics of batch norms. Weights
    that make hardly anything of their inputs are drawn so that they keep the variance: a transformer that
    starts from 0.02 answers all pictures alike.

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
            elif name != "bias" and _is_scale(parameter):
                parameter.mul_(draw(0.7, 1.3, parameter))
            elif parameter.dim() > 1 and name.endswith("weight"):
                inputs = parameter[0].numel()
                if parameter.std() * inputs**0.5 < LEAST_GAIN:
                    parameter.copy_(torch.randn(parameter.shape, generator=generator) * inputs**-0.5)
            else:
                parameter.copy_(draw(-0.3, 0.3, parameter))
    model.train()  # timm's modules that keep what they made of their parameters forget it
    model.eval()
    norms = [module for module in model.modules() if isinstance(module, BATCH_NORMS)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    if norms:
        model(torch.randn(4, *shape[1:], generator=generator))
    for norm in norms:
        norm.eval()
        if (mean := norm.running_mean) is not None and (variance := norm.running_var) is not None:
            mean.add_(variance.sqrt() * draw(-0.3, 0.3, mean))
            variance.mul_(draw(0.7, 1.5, variance))


@torch.no_grad()
def is_steady(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> bool:
    """Whether a model's own answers hold the digits of float32: of one whose attention is all but a choice
    among equals, any other order of the same sums is another answer, and no conversion can be told right."""
    answers = tensors_of(model(*inputs))
    with float64_arithmetic():
        exact = tensors_of(deepcopy(model).double()(*(each.double() for each in inputs)))
    return largest_error(exact, answers) <= STEADY


def _is_scale(parameter: torch.Tensor) -> bool:
    """Whether it starts as ones, or the like: near zero, layer after layer, all signal would be lost."""
    first = parameter.flatten()[0]
    return bool(first.abs() >= 0.5 and (parameter == first).all())
