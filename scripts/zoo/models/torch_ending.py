"""How a torch model ends: what its operators make of the output, as torch's dispatcher sees them in a run, or
as they stand in the graph of TorchScript.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from zoo.array_types import Arrays
from zoo.config.records.card import LOGITS, PROBABILITIES, SIGMOID
from zoo.images.inputs import Feed, random_inputs
from zoo.models.ending import Ending, Operators, Step, ending
from zoo.runners.torch_outputs import tensors_of

_KINDS = {
    **dict.fromkeys(("_softmax", "softmax", "_safe_softmax"), PROBABILITIES),
    **dict.fromkeys(("sigmoid", "hardsigmoid"), SIGMOID),
    # the logarithms of probabilities are logits, whose softmax is the probabilities
    **dict.fromkeys(("_log_softmax", "log_softmax"), LOGITS),
    **dict.fromkeys(("addmm", "mm", "bmm", "baddbmm", "addmv", "mv", "matmul", "linear"), LOGITS),
    **dict.fromkeys(("convolution", "_convolution", "mkldnn_convolution", "conv2d"), LOGITS),
    **dict.fromkeys(("native_batch_norm", "native_layer_norm", "native_group_norm"), LOGITS),
    **dict.fromkeys(("_native_batch_norm_legit_no_training", "batch_norm", "layer_norm"), LOGITS),
}
_KEEPING = frozenset(
    (
        *("view", "_unsafe_view", "reshape", "_reshape_alias", "flatten", "squeeze", "unsqueeze", "permute"),
        *("transpose", "t", "clone", "alias", "detach", "contiguous", "_to_copy", "to", "expand", "select"),
        *("slice", "split", "unbind", "as_strided", "native_dropout", "dropout", "lift_fresh"),
    )
)
_BLENDING = frozenset(
    (
        *("add", "sub", "rsub", "mul", "div", "neg", "mean", "sum", "cat", "relu", "avg_pool2d"),
        *("_adaptive_avg_pool2d", "adaptive_avg_pool2d"),
    )
)


_OPERATORS = Operators(_KINDS, _KEEPING, _BLENDING)
_IF = "prim::If"


class _Watched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps, of each tensor, what the operators that made it say of it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: Any = WeakTensorKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [self.steps.get(each) for each in tree_leaves(args) if isinstance(each, torch.Tensor)]
        result = func(*args, **(kwargs or {}))
        name = _plain(func._schema.name)
        step = given[-1] if name == "copy" else _OPERATORS.step(name, given)
        for each in tree_leaves(result):
            if isinstance(each, torch.Tensor):
                self.steps[each] = step
        return result


def _plain(name: str) -> str:
    """An operator's name without its space, and without the mark of one that works in place."""
    return name.rpartition("::")[2].rstrip("_")


def _of_graph(graph: Any) -> Step:
    """How the only output of a TorchScript graph comes about; of a branch, if both ways end alike."""
    made: dict[str, tuple[str, list[str]]] = {}
    branches: dict[str, list[str]] = {}

    def read(block: Any) -> None:
        for node in block.nodes():
            names = [each.debugName() for each in node.inputs()]
            outputs = [each.debugName() for each in node.outputs()]
            made.update((output, (_plain(node.kind()), names)) for output in outputs)
            for each in node.blocks():
                read(each)
            if node.kind() == _IF:
                ends = ([each.debugName() for each in block.outputs()] for block in node.blocks())
                branches.update(zip(outputs, map(list, zip(*ends, strict=True)), strict=True))

    read(graph)
    output = next(graph.outputs()).debugName()
    found = [_OPERATORS.followed(each, made) for each in branches.get(output, [output])]
    return found[0] if all(each.kind == found[0].kind for each in found) else Step()


@torch.no_grad()
def torch_step(model: nn.Module, feed: Feed) -> Step:
    """How the model's only output comes about."""
    if isinstance(model, torch.jit.ScriptModule):
        return _of_graph(model.inlined_graph)
    inputs = tuple(torch.from_numpy(each[None]) for each in random_inputs(feed.shapes))
    try:
        with _Watched() as watched:
            (output,) = tensors_of(model(*inputs))
    except (RuntimeError, NotImplementedError, TypeError):  # what runs by itself need not run when watched
        return Step()
    return watched.steps.get(output) or Step()


def torch_ending(model: nn.Module, feed: Feed) -> Ending:
    """What the model's only output, a vector, is."""

    @torch.no_grad()
    def answer(inputs: Arrays) -> NDArray[np.floating]:
        (output,) = tensors_of(model(*(torch.from_numpy(each[None]) for each in inputs)))
        return output.float().numpy()

    return ending(torch_step(model, feed), answer, feed.shapes)
