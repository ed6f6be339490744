"""The ways from a model's file to ncnn, in the order in which they are tried, and which was taken."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from zoo.config.opset import DEFAULT_OPSET
from zoo.config.records.conversion import Failure
from zoo.images.inputs import Feed
from zoo.runners.confined import converted

Way = tuple[str, Callable[[], Path]]
"""Its name, and a function that makes the file which pnnx then reads: only when it is this way's turn."""


def from_torchscript(traced: Path, feed: Feed, outputs: int, folder: Path) -> list[Way]:
    """The ways from a TorchScript file. folder: for the files that are made on the way.

    torch is imported by the children that make them, so that its memory is free again when pnnx runs.
    """
    title = f"{traced.name} of another form"

    def frozen() -> Path:
        return converted(title, traced, _frozen, traced, feed, folder / "frozen.pt")

    def onnx() -> Path:
        made = folder / "from_torchscript.onnx"
        file = made if made.exists() else converted(title, traced, _onnx, traced, feed, outputs, made)
        return as_pnnx_reads_it(file, folder)

    return [
        ("TorchScript", lambda: traced),
        ("frozen TorchScript", frozen),
        ("ONNX", onnx),
        ("ONNX and onnx2torch", lambda: through_onnx2torch(onnx(), feed, folder)),
    ]


def from_onnx(file: Path, feed: Feed, folder: Path) -> list[Way]:
    """The ways from an ONNX file. folder: for the files that are made on the way."""

    def given() -> Path:
        return as_pnnx_reads_it(file, folder)

    return [
        ("pnnx on ONNX", given),
        ("onnx2torch and TorchScript", lambda: through_onnx2torch(given(), feed, folder)),
    ]


def as_pnnx_reads_it(file: Path, folder: Path) -> Path:
    """An ONNX file as pnnx is to read it, in a folder of its own: pnnx leaves another one beside it."""
    import onnx

    from zoo.export.onnx_graph import rewritten
    from zoo.export.onnx_unit_norm import written_out

    made = folder / "for_pnnx" / file.name
    if made.exists():
        return made
    made.parent.mkdir()
    model, count = rewritten(onnx.load(file))
    norms = written_out(model)
    if count:
        logging.info("%d values of five dimensions were taken apart", count)
    if norms:
        logging.info(
            "%d divisions by a norm along another dimension than the channels were written out", norms
        )
    if count or norms:
        onnx.save(model, made)
    else:
        made.symlink_to(file.resolve())
    return made


def through_onnx2torch(file: Path, feed: Feed, folder: Path) -> Path:
    """A TorchScript file of what onnx2torch makes of an ONNX file."""
    made = folder / "onnx2torch.pt"
    return converted(f"{file.name} in torch", file, _through_onnx2torch, file, feed, made)


def _frozen(traced: Path, feed: Feed, made: Path) -> Path:
    """Weights as constants, and nothing left of modules and attributes: scripted files crash pnnx without."""
    import torch

    from zoo.export.branches import refuse_branches
    from zoo.models.libraries.torchscript_models import open_file
    from zoo.runners.torch_outputs import traceable, zeros

    module = torch.jit.freeze(traceable(open_file(traced), zeros(feed.shapes)))
    refuse_branches(module)
    torch.jit.save(module, made)
    return made


def _onnx(traced: Path, feed: Feed, outputs: int, made: Path) -> Path:
    from zoo.export.onnx import export_onnx
    from zoo.models.libraries.torchscript_models import open_file
    from zoo.runners.torch_outputs import zeros

    names = [f"in{place}" for place in range(len(feed.shapes))], [f"out{place}" for place in range(outputs)]
    second = feed.second()
    other = zeros(second.shapes) if second else None
    export_onnx(open_file(traced), zeros(feed.shapes), made, DEFAULT_OPSET, names, other)
    _with_initializers(made)
    return made


def _with_initializers(file: Path) -> None:
    """Constants, as which TorchScript's weights are exported, as initializers: onnx2torch looks there."""
    import onnx

    model = onnx.load(file)
    nodes = [
        node for node in model.graph.node if node.op_type == "Constant" and node.attribute[0].name == "value"
    ]
    for node in nodes:
        tensor = node.attribute[0].t
        tensor.name = node.output[0]
        model.graph.initializer.append(tensor)
        model.graph.node.remove(node)
    if nodes:
        onnx.save(model, file)


def _through_onnx2torch(file: Path, feed: Feed, made: Path) -> Path:
    from zoo.export.torchscript import export_torchscript
    from zoo.models.libraries.onnx_models import open_file
    from zoo.runners.torch_outputs import zeros

    second = feed.second()
    export_torchscript(open_file(file), zeros(feed.shapes), made, zeros(second.shapes) if second else None)
    return made


def in_words(failures: Iterable[Failure]) -> str:
    """The ways and why each failed, those that failed alike together."""
    reasons: dict[str, list[str]] = {}
    for each in failures:
        reasons.setdefault(each.reason, []).append(each.way)
    return " | ".join(f"{', '.join(ways)}: {reason}" for reason, ways in reasons.items())
