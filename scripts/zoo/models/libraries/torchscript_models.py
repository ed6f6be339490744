"""TorchScript files: the traced or scripted model is all there is, and it is the reference."""

import warnings
from pathlib import Path

import torch
from torch import nn

from zoo.errors import ZooError


def open_file(path: Path) -> nn.Module:
    """The module of a TorchScript file, on the CPU. Raises ZooError if the file is none or is damaged."""
    if not path.is_file():
        raise ZooError(f"{path} does not exist")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`torch\.jit\.", FutureWarning)  # still what pnnx reads
            model: nn.Module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise ZooError(
            f"{path} is no TorchScript file, or damaged ({reason}); write it by torch.jit.save, and give a "
            "state dict as weights: {file: …} of a model instead"
        ) from error
    return model.eval()
