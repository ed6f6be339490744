"""TorchScript files: the traced or scripted model is all there is, and it is the reference."""

import re
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.jobs.files import regular
from zoo.models.libraries import Tensors, Traits
from zoo.models.libraries.torchscript_kind import is_exported, is_pickled, refuse_other_kinds

FILE_OPERATORS = ("save", "from_file", "rpc_async", "rpc_remote", "rpc_sync")
"""Operators of TorchScript that reach beyond the model: files and other machines."""
_REACHING = re.compile(rb"\.[\s\\]*(" + "|".join(FILE_OPERATORS).encode() + rb")\b")
_MAX_CODE_BYTES = 64 << 20


def build(spec: ModelSpec, seed: int, **options: Any) -> nn.Module:
    """The model of the file."""
    return open_file(Path(spec.architecture))


def open_file(path: Path) -> nn.Module:
    """The module of a TorchScript file, on the CPU, in evaluation mode. Raises ZooError if the file is none
    or damaged, and as `refuse_other_kinds` does."""
    if not regular(path).exists():
        raise ZooError(f"{path} does not exist")
    check_code(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`torch\.jit\.", FutureWarning)  # still what pnnx reads
            model: nn.Module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        if is_exported(path):
            raise ZooError(
                f"{path} is what torch.export writes, which pnnx does not read: save torch.jit.trace("
                "torch.export.load(path).module(), example) by torch.jit.save, or export it to ONNX"
            ) from error
        if is_pickled(path):
            raise ZooError(
                f"{path} is what torch.save writes, not TorchScript: save torch.jit.trace(model.eval(), "
                "example) by torch.jit.save, or give its state_dict() as weights: {file: …} of a model"
            ) from error
        reason = str(error).strip().partition("\n")[0][:200]
        raise ZooError(
            f"{path} is no TorchScript file, or damaged ({reason}); write it by torch.jit.save, and give a "
            "state dict as weights: {file: …} of a model instead"
        ) from error
    refuse_other_kinds(path, model.eval())
    return _without_options(model)


def _without_options(model: nn.Module) -> nn.Module:
    """The model with the arguments that it must be given alone: others, as a mask that may be None, keep what
    they are by default. Exporters know no such arguments."""
    forward: Any = model.forward
    arguments = forward.schema.arguments[1:]  # the first is self
    needed = [f"x{place}" for place, each in enumerate(arguments) if not each.has_default_value()]
    return model if len(needed) == len(arguments) else _Given(model, ", ".join(needed)).eval()


class _Given(torch.jit.ScriptModule):
    """Named as `zoo.runners.torch_outputs.Flattened` names what it wraps."""

    def __init__(self, model: nn.Module, names: str) -> None:
        super().__init__()
        self.flattened = model
        self.define(f"def forward(self, {names}):\n    return self.flattened({names})\n")


def check_code(path: Path) -> None:
    """Raises ZooError, naming the operator, if the code in a file could touch files or other machines: it may
    run as soon as the file is loaded. A file that is no archive is left to who loads it."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [each for each in archive.infolist() if "code/" in each.filename]
            if sum(each.file_size for each in parts) > _MAX_CODE_BYTES:
                raise ZooError(f"{path} holds more code than any model; it is refused")
            for each in parts:
                if found := _REACHING.search(archive.read(each)):
                    raise ZooError(
                        f"{path} is a program that reaches beyond the model ({found[1].decode()} in "
                        f"{each.filename}), which is refused; export the model without it"
                    )
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, zlib.error):
        return


def preprocess(spec: ModelSpec) -> Preprocess:
    return Preprocess()


def pretrained(spec: ModelSpec) -> WeightsSource:
    raise ZooError(f"{spec.architecture} holds its weights; nobody else keeps them")


def licence(spec: ModelSpec) -> str | None:
    return None


def labels(spec: ModelSpec) -> list[str] | None:
    return None


def task(spec: ModelSpec) -> str | None:
    return None


def channels(spec: ModelSpec) -> int | None:
    return None


def own_part(tensors: Tensors) -> Tensors:
    return tensors


def loader_options(model: nn.Module, path: Path) -> dict[str, Any] | None:
    return None


def traits(spec: ModelSpec, record: Preprocess) -> Traits | None:
    return None
