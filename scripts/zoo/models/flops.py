"""How much a torch model computes, by torch's own counter."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from zoo.runners.torch_outputs import without_fast_path


def count_multiply_adds(model: nn.Module, shapes: Sequence[tuple[int, ...]]) -> int | None:
    """Multiply-adds of one run for inputs of `shapes`, such as (C, H, W), batch 1: half the counter's FLOPs.

    It counts convolutions, matrix products and attention, and nothing that works element by element. None,
    and a line in the log, where torch's counter fails: no model is worse for that.
    """
    try:
        with torch.no_grad(), _frozen(model), without_fast_path(), FlopCounterMode(display=False) as counter:
            model(*(torch.zeros(1, *shape) for shape in shapes))
    except Exception as error:  # of whatever the counter does not expect
        logging.warning("multiply-adds are not counted (%s: %s)", type(error).__name__, error)
        return None
    return int(counter.get_total_flops()) // 2


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """Parameters as plain tensors. The counter asserts where a module is given a view of one that could be
    trained, as in attention pooling by learned queries."""
    trained = [each for each in model.parameters() if each.requires_grad]
    for each in trained:
        each.requires_grad_(False)
    try:
        yield
    finally:
        for each in trained:
            each.requires_grad_(True)
