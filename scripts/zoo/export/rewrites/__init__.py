"""Exact rewrites of a model before it is traced, each checked against the untouched model.

They change how a model is written down, never what it computes: ncnn then gets layers that it has,
and fewer of them. One module a rewrite; `REWRITES` holds them in the order in which they apply.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from zoo.errors import ZooError
from zoo.export.rewrites.attention import split_attention
from zoo.export.rewrites.batch_first import batch_first
from zoo.export.rewrites.conv_mlp import mlp_to_convolution
from zoo.export.rewrites.csatv2 import csatv2_convolutions
from zoo.export.rewrites.edgenext import edgenext_channels_first
from zoo.export.rewrites.few_dimensions.mode import few_dimensions
from zoo.export.rewrites.grn import plain_grn
from zoo.export.rewrites.layer_scale import fold_layer_scale
from zoo.export.rewrites.modules import float64_arithmetic
from zoo.export.rewrites.pooled_norm import norm_after_flatten
from zoo.export.rewrites.reparameterization import reparameterize
from zoo.runners.torch_outputs import largest_error, tensors_of

Inputs = tuple[torch.Tensor, ...]

Rewrite = Callable[[nn.Module, Inputs], int]
"""Changes a module in place, given example inputs, and returns how many places it changed."""

REWRITES: tuple[tuple[str, Rewrite], ...] = (
    ("reparameterization", reparameterize),  # first: it swallows batch norms and layer scales itself
    ("unfused attention", split_attention),
    ("attention with the batch first", batch_first),
    ("Linear MLP to 1x1 convolution", mlp_to_convolution),
    ("EdgeNeXt in NCHW", edgenext_channels_first),
    ("CSATv2 by convolutions", csatv2_convolutions),
    ("layer scale folded", fold_layer_scale),  # after the MLP became a convolution, which it scales
    ("GRN without addcmul", plain_grn),
    ("norm after flatten", norm_after_flatten),
    ("few dimensions", few_dimensions),  # last: the others look for modules
)

OF_ONE_SIZE = frozenset({"few dimensions"})
"""Rewrites whose result is right for the shapes of the example only."""

TOLERANCE = 1e-6
"""Largest allowed error, relative to the largest output, of a rewrite computed in float64.

Right ones measure below 1e-12, or near 1e-8 where the model itself computes a part in float32
(timm's `LiteMLA`, `LayerNormFp32`).
"""


@torch.no_grad()
def rewrite(model: nn.Module, example: torch.Tensor | Inputs, dynamic: bool = False) -> list[tuple[str, int]]:
    """Apply all of `REWRITES` to `model`, in place, and return each one's name and number of changes.

    `example`, of each input (NCHW for an image), or of the only one, gives shapes and device. dynamic: the
    model must take other shapes too, which leaves out `OF_ONE_SIZE`. The model is
    put in evaluation mode, rewritten and checked in float64, so that folded weights are rounded once, and
    returned to its own dtype. After every rewrite that changed something, the outputs on seeded normal
    inputs are compared with those from before all rewrites.

    Raises ZooError if the untouched model's output is not finite, or naming the rewrite that changed it.
    """
    example = (example,) if isinstance(example, torch.Tensor) else example
    dtype = next((parameter.dtype for parameter in model.parameters()), torch.float32)
    generator = torch.Generator().manual_seed(0)
    counts = []
    with float64_arithmetic():
        model.eval().double()
        probe = tuple(torch.randn(each.shape, generator=generator).to(each.device) for each in example)
        expected = tensors_of(model(*probe))
        if not all(each.isfinite().all() for each in expected):
            raise ZooError(f"{model_name(model)}: a random input gives NaN or infinity; check its weights")
        for name, function in REWRITES:
            count = 0 if dynamic and name in OF_ONE_SIZE else function(model, probe)
            if count:
                _check(name, model, expected, tensors_of(model(*probe)))
            counts.append((name, count))
    model.to(dtype)
    return counts


def model_name(model: nn.Module) -> str:
    """The timm architecture of a model, or else its class."""
    config: Any = getattr(model, "pretrained_cfg", None) or {}
    return str(config.get("architecture") or type(model).__name__)


def _check(
    name: str, model: nn.Module, expected: Sequence[torch.Tensor], got: Sequence[torch.Tensor]
) -> None:
    error = largest_error(expected, got)
    if not error <= TOLERANCE:  # a NaN fails as well
        raise ZooError(
            f"{model_name(model)}: the rewrite '{name}' changes its output by {error:.1e} of the maximum; "
            "the architecture needs a case of its own in scripts/zoo/export/rewrites"
        )
