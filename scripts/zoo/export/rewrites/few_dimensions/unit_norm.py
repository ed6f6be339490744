"""`F.normalize` along another dimension than the channels, written out: pnnx makes ncnn's Normalize of any,
which is along the channels. It knows the call, and whoever writes it out, by `clamp_min` and `expand_as`."""

from collections.abc import Sequence

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


def limited_below(input: torch.Tensor, min: float | torch.Tensor) -> torch.Tensor:
    """What `torch.clamp_min` gives, by an operator that pnnx does not look for."""
    return torch.clamp(input, min=min)


def vector_norm(
    input: torch.Tensor,
    ord: float | str | None = None,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    **options: object,
) -> torch.Tensor | None:
    """What `torch.linalg.norm` gives where that is the norm of a vector, which ncnn has; None for matrices.

    Without `ord` it is the Euclidean norm of all that it is along.
    """
    along_one = isinstance(dim, int) or (dim is None and input.dim() == 1)
    if options or isinstance(ord, str) or (ord is not None and not along_one):
        return None
    norm: torch.Tensor = torch.linalg.vector_norm(input, 2.0 if ord is None else ord, dim, keepdim)
    return norm
