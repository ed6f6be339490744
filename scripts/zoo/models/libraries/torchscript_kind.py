"""Kinds of TorchScript files that are no model of float32 in evaluation mode, told from their graph."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.errors import ZooError

_MODE = {"aten::batch_norm": 5, "aten::dropout": 2, "aten::feature_dropout": 2}
"""Operators that do otherwise in training, and which of their inputs says so."""


def refuse_other_kinds(path: Path, module: nn.Module) -> None:
    """Raises ZooError, saying how to export it again, for a module, in evaluation mode, with quantized
    layers, with weights of another float than float32, or one traced in training mode."""
    kinds = {each.dtype for each in (*module.parameters(), *module.buffers()) if each.dtype.is_floating_point}
    if others := sorted(str(kind).removeprefix("torch.") for kind in kinds - {torch.float32}):
        raise ZooError(
            f"{path} has weights of {', '.join(others)}, and float32 is what all artifacts are made from; "
            "call model.float() and export it again with float32 inputs"
        )
    graph: Any = module.inlined_graph  # to be kept: its nodes live no longer
    nodes = list(_all(graph))
    if quantized := sorted({node.kind() for node in nodes if node.kind().startswith("quantized::")}):
        raise ZooError(
            f"{path} is quantized already ({', '.join(quantized[:3])}); give the float model, of which int8 "
            "is made and measured here"
        )
    if training := sorted({node.kind() for node in nodes if _trains(node)}):
        raise ZooError(
            f"{path} was exported in training mode, which is fixed in it ({', '.join(training)}): its "
            "answers depend on the rest of the batch, or on chance; call model.eval() first, then export it"
        )


def is_exported(path: Path) -> bool:
    """Whether a file is a program of `torch.export.save`."""
    return any(name.endswith("/models/model.json") for name in _entries(path))


def is_pickled(path: Path) -> bool:
    """Whether a file is what `torch.save` writes: tensors or Python objects, and no program."""
    names = _entries(path)
    return any(name.endswith("/data.pkl") for name in names) and not any(
        name.endswith("/constants.pkl") for name in names
    )


def _entries(path: Path) -> list[str]:
    """The names in an archive; none of what is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return []


def _all(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _all(inner)


def _trains(node: Any) -> bool:
    place = _MODE.get(node.kind())
    return place is not None and list(node.inputs())[place].toIValue() is True
