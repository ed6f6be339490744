"""A torch model's answers for many inputs: in batches on a GPU, one by one on a CPU (see `answers`)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch

from zoo.array_types import Arrays
from zoo.runners import without_batch

Tensors = tuple[torch.Tensor, ...]

ON_GPU = 32
_CLOSE = 1e-3
"""How far an output may be from that of the same input alone, by its largest number: rounding, no error."""


def device_of_float32(threads: int) -> str:
    """The GPU if there is one that CUDA drives, else the CPU with so many threads; products are float32."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False  # it rounds products to 10 bits
    return "cuda" if torch.cuda.is_available() else "cpu"


def answers(
    call: Callable[[Tensors], Tensors], inputs: Iterable[Arrays], device: str, size: int | None = None
) -> Iterator[Arrays]:
    """The outputs for each of `inputs`, both without the batch dimension, in their order.

    call: the model, on batches on `device`. size: inputs in a batch, by default `ON_GPU` on cuda and else 1.
    It is halved when memory runs out; a model that was made for a batch of one, and does not treat the inputs
    of a larger one like it, gets them one by one.
    """
    size = size or (ON_GPU if device == "cuda" else 1)
    waiting = iter(inputs)
    tried = size == 1
    while batch := list(islice(waiting, size)):
        if not tried:
            tried = True
            size = size if _batches(call, batch[:2], device) else 1
        start = 0
        while start < len(batch):
            try:
                found = _run(call, batch[start : start + size], device)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size //= 2
                continue
            yield from found
            start += len(found)


def _batches(call: Callable[[Tensors], Tensors], pair: Sequence[Arrays], device: str) -> bool:
    """Whether two inputs together have the outputs that each has alone."""
    alone = [output for each in pair for output in _run(call, [each], device)]
    try:
        together = _run(call, pair, device)
    except (RuntimeError, ValueError):  # a shape that is written into the model
        return False
    return all(
        got.shape == expected.shape and np.abs(got - expected).max() <= _CLOSE * np.abs(expected).max()
        for one, other in zip(together, alone, strict=True)
        for got, expected in zip(one, other, strict=True)
    )


def _run(call: Callable[[Tensors], Tensors], batch: Sequence[Arrays], device: str) -> list[Arrays]:
    stacked = (torch.from_numpy(np.stack(each)).to(device) for each in zip(*batch, strict=True))
    with torch.inference_mode():
        outputs = [each.float().cpu().numpy() for each in call(tuple(stacked))]
    if len(batch) == 1:
        return [tuple(map(without_batch, outputs))]
    if any(len(each) != len(batch) for each in outputs):
        raise ValueError("the outputs have another batch dimension than the inputs")
    return [tuple(each[place] for each in outputs) for place in range(len(batch))]
