"""The Linear MLP of a ConvNeXt block as 1x1 convolutions, the whole block in NCHW.

timm writes the block in two ways that are equal (`conv_mlp`). The larger models use Linear layers in
NHWC, which reach ncnn as Gemm and Reshape layers and run ten times slower there than 1x1 convolutions.
"""

import torch
from timm.layers import GlobalResponseNormMlp
from timm.models.convnext import ConvNeXtBlock
from torch import nn

from zoo.export.rewrites.modules import as_convolution, as_norm2d


def mlp_to_convolution(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Turn every ConvNeXt block that works in NHWC into NCHW, in place; return how many.

    Blocks with another norm than layer norm stay as they are.
    """
    blocks = [m for m in model.modules() if isinstance(m, ConvNeXtBlock) and not m.use_conv_mlp]
    blocks = [block for block in blocks if isinstance(block.norm, nn.LayerNorm)]
    for block in blocks:
        block.use_conv_mlp = True
        block.norm = as_norm2d(block.norm)
        block.mlp.fc1, block.mlp.fc2 = as_convolution(block.mlp.fc1), as_convolution(block.mlp.fc2)
        if isinstance(block.mlp, GlobalResponseNormMlp):
            grn = block.mlp.grn
            grn.spatial_dim, grn.channel_dim, grn.wb_shape = (2, 3), 1, (1, -1, 1, 1)
    return len(blocks)
