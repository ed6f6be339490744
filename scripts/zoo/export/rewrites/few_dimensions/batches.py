"""Heads or windows that are taken as a batch of images, as channels of one image: ncnn has no batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional


def convolved(args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.Tensor | None:
    """What `torch.nn.functional.conv2d` gives of (n, C, H, W) with the same weights for each of n: one in
    n times the groups; None where n is 1."""
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    images = given.pop("input")
    if images.dim() != 4 or images.shape[0] == 1:
        return None
    count = int(images.shape[0])
    bias = given.pop("bias", None)
    groups = given.pop("groups", 1)
    made = functional.conv2d(
        _as_channels(images),
        given.pop("weight").repeat(count, 1, 1, 1),
        None if bias is None else bias.repeat(count),
        groups=groups * count,
        **given,
    )
    return _as_batch(made, count)


def pooled_each(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    """What a pooling gives of (n, C, H, W), pooled as (1, n * C, H, W); None where n is 1.

    But for a mean without padding, which is of all numbers whatever `count_include_pad` says: pnnx obeys it
    for a padding before it, as in TensorFlow's "same".
    """
    images, *rest = args
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    said = dict(zip(names, rest, strict=False)) | dict(kwargs)
    if images.dim() == 4 and images.shape[0] == 1 and said.get("count_include_pad") is False:
        if said.get("padding", 0) not in (0, (0, 0), [0, 0]) or said.get("ceil_mode"):
            return None
        pooled: torch.Tensor = func(images, **(said | {"count_include_pad": True}))
        return pooled
    if images.dim() != 4 or images.shape[0] == 1 or kwargs.get("return_indices"):
        return None
    return _as_batch(func(_as_channels(images), *rest, **kwargs), int(images.shape[0]))


def _as_channels(images: torch.Tensor) -> torch.Tensor:
    return images.reshape(1, -1, *images.shape[2:])


def _as_batch(images: torch.Tensor, count: int) -> torch.Tensor:
    return images.reshape(count, -1, *images.shape[2:])
