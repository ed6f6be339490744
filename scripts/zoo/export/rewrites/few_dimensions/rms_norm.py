"""`F.rms_norm` (arXiv:1910.07467) as plain arithmetic: ONNX has none before opset 23."""

from collections.abc import Sequence

import torch


def rms_normalized(
    input: torch.Tensor,
    normalized_shape: Sequence[int],
    weight: torch.Tensor | None = None,
    eps: float | None = None,
) -> torch.Tensor:
    """What `torch.nn.functional.rms_norm` gives. The argument names are torch's, for calls by keyword."""
    dims = tuple(range(-len(normalized_shape), 0))
    least = torch.finfo(input.dtype).eps if eps is None else eps
    unit = input * torch.rsqrt(input.pow(2).mean(dims, keepdim=True) + least)
    return unit if weight is None else unit * weight
