"""What a graph of ncnn cannot hold of a TorchScript program: branches and loops, found and named."""

import re
from collections.abc import Iterator
from typing import Any

from zoo.errors import ZooError

_CONTENT = frozenset(
    f"aten::{name}"
    for name in (
        *("Bool", "Int", "Float", "item", "is_nonzero", "equal", "allclose"),
        *("BoolImplicit", "IntImplicit", "FloatImplicit", "ScalarImplicit"),
    )
)
"""Operators that make a Python number of what a tensor holds."""
_SHOWN = 3


class DependsOnContent(ZooError):
    """What a model computes depends on what its input holds, so that there is no way to ncnn."""


def refuse_branches(module: Any) -> None:
    """Raises DependsOnContent, naming each with its place, for branches of a TorchScript module that depend
    on what its input holds. Those on sizes and settings are decided when it is converted."""
    graph: Any = module.inlined_graph  # to be kept: its nodes live no longer
    found = [_named(node) for node in _control_flow(graph) if _depends_on_content(node)]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise DependsOnContent(
            f"what it computes depends on what its input holds, by {', '.join(found[:_SHOWN])}{more}, and "
            "ncnn runs the same layers for every input; write both sides and choose by torch.where, or "
            "export the side that is needed"
        )


def _control_flow(graph: Any) -> Iterator[Any]:
    for kind in ("prim::If", "prim::Loop"):
        yield from graph.findAllNodes(kind)


def _depends_on_content(node: Any) -> bool:
    deciding = list(node.inputs())
    if node.kind() == "prim::Loop":  # how often at most, and whether at all; then whether once more
        deciding = [*deciding[:2], next(iter(next(iter(node.blocks())).outputs()))]
    waiting, seen = deciding, set[str]()
    while waiting:
        value = waiting.pop()
        if value.debugName() in seen:
            continue
        seen.add(value.debugName())
        source = value.node()
        inputs = list(source.inputs())
        if source.kind() in _CONTENT and any(each.type().kind() == "TensorType" for each in inputs):
            return True
        if source.kind() not in ("aten::size", "prim::Param"):
            waiting += inputs
    return False


def _named(node: Any) -> str:
    """`prim::If (net.py:12: if bool(x.mean() > 0))`."""
    said = str(node.sourceRange())
    place = re.search(r'File "(?:[^"]*/)?([^"/]+)", line (\d+)', said)
    marked = re.search(r"\n[ >]*(\S.*)\n\s*~+", said)
    words = ": ".join(
        filter(None, (f"{place[1]}:{place[2]}" if place else "", marked[1].rstrip(" :") if marked else ""))
    )
    return f"{node.kind()} ({words})" if words else node.kind()
