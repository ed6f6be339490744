"""TorchScript files of a rewritten model, the same bytes whenever and wherever they are made."""

import io
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.export.tracing import (
    Tensors,
    another_shape,
    as_tuple,
    check_answers,
    exporting,
)
from zoo.jobs.files import replacing
from zoo.runners.torch_outputs import tensors_of, traceable


@torch.no_grad()
def export_torchscript(
    model: nn.Module, example: torch.Tensor | Tensors, path: str | Path, second: Tensors | None = None
) -> None:
    """Trace `model` on `example` (of each input, or of the only one; float32, NCHW for an image) and write it
    as TorchScript. Outputs in containers become a tuple of tensors.

    second: an example of another shape, which the traced model must take as well.

    The bytes depend on the model, on torch and on what this process traced before, for torch numbers the
    classes that it traces: export once per process. There are no paths, times or debug records in them.
    The file is for the CPU, and so is the model afterwards, wherever it was traced.

    Raises ZooError if the traced model does not compute what the model does, on another input.
    """
    example = as_tuple(example)
    model = traceable(model.eval().requires_grad_(False), example)
    with exporting():
        traced = torch.jit.trace(model, example, check_trace=False)  # type: ignore[no-untyped-call]
    for each in (example, second):
        if each is not None:
            check_answers(model, "TorchScript", partial(_running, traced), each)
    archive = io.BytesIO()
    with exporting():
        torch.jit.save(traced.cpu(), archive)
    with replacing(path) as (temporary,):
        _write_without_debug_records(archive, temporary)


def _write_without_debug_records(archive: io.BytesIO, path: Path) -> None:
    """Copy a TorchScript archive, except for its debug records, which hold paths of source files."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            # the serialization id is a checksum of all records, those that are left out included
            if not name.endswith((".debug_pkl", "/.data/serialization_id")):
                target.writestr(zipfile.ZipInfo(name), source.read(name))


def _running(traced: Any, probe: Tensors) -> list[torch.Tensor]:
    try:
        return tensors_of(traced(*probe))
    except RuntimeError as error:
        raise another_shape("traced model", probe, error) from error
