"""How much a torch model computes, by torch's own counter."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_multiply_adds(model: nn.Module, shapes: Sequence[tuple[int, ...]]) -> int:
    """Multiply-adds of one run for inputs of `shapes`, such as (C, H, W), batch 1: half the counter's FLOPs.

    It counts convolutions, matrix products and attention, and nothing that works element by element.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(*(torch.zeros(1, *shape) for shape in shapes))
    return int(counter.get_total_flops()) // 2
