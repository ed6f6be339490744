"""Layer scale (CaiT, arXiv:2103.17239) folded into the layer in front of it.

A factor per output channel of a convolution, a Linear layer or a batch norm is a factor on the rows of
its weight and on its bias. ncnn would spend a pass over the image on each.
"""

from dataclasses import dataclass

import torch
from timm.layers import LayerScale, LayerScale2d
from timm.models import convnext, fastvit, inception_next, swiftformer
from torch import nn

from zoo.export.rewrites.modules import replace_modules, scale_outputs

_BLOCKS = (convnext.ConvNeXtBlock, inception_next.MetaNeXtBlock)
"""Blocks that multiply the output of `mlp.fc2` by a parameter `gamma` of their own."""

_CHANNEL_DIM = {LayerScale: -1, LayerScale2d: 1, fastvit.LayerScale2d: 1, swiftformer.LayerScale2d: 1}
"""Layer scale modules, which multiply their input by `gamma` along this dimension."""

_PRODUCERS = {nn.Linear: -1, nn.Conv2d: 1, nn.BatchNorm2d: 1}
"""Layers that a scale folds into, and the dimension of their output channels."""


@dataclass(frozen=True)
class _Output:
    """What a layer produced: the tensor, and how often it had been written to by then."""

    layer: nn.Module
    channel_dim: int
    tensor: torch.Tensor
    version: int


def fold_layer_scale(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Fold every layer scale that can be, in place; return how many.

    Runs the model once on `example` if it has layer scale modules, to see which layer feeds each one.
    """
    blocks = [m for m in model.modules() if isinstance(m, _BLOCKS) and m.gamma is not None]
    for block in blocks:
        scale_outputs(block.mlp.fc2, block.gamma)
        block.gamma = None
    feeds = _feeding_layers(model, example)
    for scale, layer in feeds.items():
        scale_outputs(layer, scale.get_parameter("gamma"))
    return len(blocks) + replace_modules(model, lambda module: nn.Identity() if module in feeds else None)


def _feeding_layers(model: nn.Module, example: tuple[torch.Tensor, ...]) -> dict[nn.Module, nn.Module]:
    """The layer behind each layer scale module whose input is that layer's output and nothing else.

    The input counts as the output if it is the same memory, not written to in between (an in-place
    activation), with the same channel dimension by size and stride, whatever was reshaped or transposed.
    A layer or scale that runs more than once is left out.
    """
    scales = [m for m in model.modules() if type(m) in _CHANNEL_DIM]
    if not scales:
        return {}
    # Outputs are kept alive: freed memory could be given to a later tensor and look like the same one.
    outputs: list[_Output] = []
    pairs: list[tuple[nn.Module, nn.Module]] = []

    def produced(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        dim = next(dim for kind, dim in _PRODUCERS.items() if isinstance(layer, kind))
        outputs.append(_Output(layer, dim, out, out._version))

    def consumed(scale: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        dim = _CHANNEL_DIM[type(scale)]
        layers = [o.layer for o in outputs if _same_channels(o, inputs[0], dim)]
        if layers:
            pairs.append((scale, layers[-1]))

    hooks = [m.register_forward_hook(produced) for m in model.modules() if _is_producer(m)]
    hooks += [m.register_forward_pre_hook(consumed) for m in scales]
    try:
        model(*example)
    finally:
        for hook in hooks:
            hook.remove()
    runs = [o.layer for o in outputs]
    starts = [scale for scale, _ in pairs]
    return {s: layer for s, layer in pairs if runs.count(layer) == 1 and starts.count(s) == 1}


def _is_producer(module: nn.Module) -> bool:
    # timm's BatchNormAct2d is a BatchNorm2d with an activation behind it, which a scale does not pass
    plain = isinstance(getattr(module, "act", None), nn.Identity | None)
    return isinstance(module, tuple(_PRODUCERS)) and plain and getattr(module, "affine", True)


def _same_channels(output: _Output, tensor: torch.Tensor, dim: int) -> bool:
    source = output.tensor
    return (
        source.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr()
        and output.version == tensor._version
        and source.numel() == tensor.numel()
        and source.shape[output.channel_dim] == tensor.shape[dim]
        and source.stride(output.channel_dim) == tensor.stride(dim)
    )
