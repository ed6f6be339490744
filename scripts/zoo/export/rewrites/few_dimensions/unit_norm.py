"""`F.normalize` along another dimension than the channels, written out: pnnx makes ncnn's Normalize of any,
which is along the channels."""

import torch


def normalized(
    input: torch.Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: torch.Tensor | None = None
) -> torch.Tensor | None:
    """What `torch.nn.functional.normalize` gives; None where ncnn's layer does, or it is no Euclidean norm.

    The argument names are torch's, for calls by keyword.
    """
    if p != 2 or out is not None or not isinstance(dim, int) or (input.dim() == 4 and dim % 4 == 1):
        return None
    norm: torch.Tensor = input.norm(p=2, dim=dim, keepdim=True)
    return input / norm.clamp(min=eps)
