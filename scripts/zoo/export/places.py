"""Where in a model an operator stands: the path of the module whose forward calls it."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from zoo.export.tracing import Tensors, exporting
from zoo.runners.torch_outputs import Flattened

SHOWN = 3
"""Places that a sentence names; the others are counted."""


def places_of(operator: str, model: nn.Module, example: Tensors) -> list[str]:
    """The modules of `model` that call an operator of torch, such as `aten::roll`, in their own forward.

    The model is traced on `example` unless it is TorchScript. Empty if that fails, or nobody calls it.
    """
    wrapped = "flattened" if isinstance(model, Flattened) else ""
    if not isinstance(model, torch.jit.ScriptModule):
        try:
            with torch.no_grad(), exporting():
                model = torch.jit.trace(model, example, check_trace=False)  # type: ignore[no-untyped-call]
        except Exception:  # it is an error already that is being explained
            return []
    names = (name for name, kinds in _calls(model) if operator in kinds)
    return [name.removeprefix(wrapped).removeprefix(".") or "the model itself" for name in names]


def _calls(model: nn.Module) -> Iterator[tuple[str, set[str]]]:
    for name, module in model.named_modules():
        try:
            graph: Any = getattr(module, "graph", None)
        except RuntimeError:  # a trace has no forward of a module that nobody called
            continue
        if graph is not None:
            yield name, {node.kind() for node in graph.nodes()}


def listed(places: list[str]) -> str:
    """`in blocks.0.attn, blocks.1.attn and 4 more`; empty for none."""
    if not places:
        return ""
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return f" in {', '.join(places[:SHOWN])}{more}"
