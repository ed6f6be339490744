"""What the rewrites share: modules put in the place of others, layers in another layout, float64."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from timm.layers import LayerNorm2d
from torch import nn


def replace_modules(model: nn.Module, build: Callable[[nn.Module], nn.Module | None]) -> int:
    """Put `build(module)` in the place of every submodule for which it is not None; return how many.

    A module that is registered at several places is built once and counted once. The model itself is
    never replaced, and what `build` returns is not searched again.
    """
    built: dict[int, nn.Module | None] = {}

    def walk(parent: nn.Module) -> None:
        for name, child in list(parent._modules.items()):
            if child is None:
                continue
            if id(child) not in built:
                built[id(child)] = build(child)
                if built[id(child)] is None:
                    walk(child)
            new = built[id(child)]
            if new is not None:
                setattr(parent, name, new)

    walk(model)
    return sum(new is not None for new in built.values())


def scale_outputs(layer: nn.Module, scale: torch.Tensor) -> None:
    """Multiply output channel i of a Linear, Conv2d or affine BatchNorm2d by scale[i], in place."""
    weight, bias = layer.get_parameter("weight"), layer._parameters["bias"]
    weight.data.mul_(scale.reshape(-1, *[1] * (weight.dim() - 1)))
    if bias is not None:
        bias.data.mul_(scale.reshape(-1))


def as_convolution(linear: nn.Linear) -> nn.Conv2d:
    """The 1x1 convolution that does to the channels of NCHW what `linear` does to the last dimension."""
    made = nn.Conv2d(linear.in_features, linear.out_features, 1, bias=linear.bias is not None)
    made.weight = nn.Parameter(linear.weight[:, :, None, None])
    made.bias = linear.bias
    return made


def as_norm2d(norm: nn.LayerNorm) -> LayerNorm2d:
    """The layer norm over the channels of NCHW that `norm` is over the last dimension."""
    made = LayerNorm2d(norm.normalized_shape[0], eps=norm.eps, affine=norm.elementwise_affine)
    made.weight, made.bias = norm.weight, norm.bias
    return made


@contextmanager
def float64_arithmetic() -> Iterator[None]:
    """Let new tensors be float64, as timm's `fuse` methods make theirs in the default dtype; one thread.

    With one thread the folded weights do not depend on the number of cores; and float64 convolutions run
    group by group, where threads that wait for each other are ten times slower on a busy machine.
    """
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
