"""Reading tensors from weight files, and finding the weight file that a Python package carries."""

import pickle
import re
import tarfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PosixPath
from typing import Any

import numpy as np
import timm.models
import torch
from safetensors import SafetensorError

from zoo.errors import ZooError
from zoo.jobs.files import regular, sha256

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")
"""Suffixes of weight files that can be read; all but the first are pickles, loaded with weights_only=True."""

WRAPPERS = (
    *("state_dict_ema", "model_ema", "ema_state_dict", "params_ema", "ema"),
    *(
        "state_dict",
        "model_state_dict",
        "model_state",
        "model",
        "params",
        "net",
        "network",
        "weights",
        "module",
    ),
)
"""Under which trainers keep a state dict in a checkpoint; averaged weights before those of the last step."""

# What torch and safetensors raise for a broken file (of torch's old format AssertionError), and timm for one
# that holds no dict (AttributeError).
_UNREADABLE = (
    SafetensorError,
    OSError,
    AssertionError,
    TypeError,
    OverflowError,
    EOFError,
    pickle.UnpicklingError,
    RuntimeError,
    ValueError,
    LookupError,
    AttributeError,
)


_OF_NUMPY: tuple[Any, ...] = (np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0])
_PLAIN: list[Any] = [
    *(np.dtype, np.ndarray, *(type(np.dtype(code)) for code in "?bBhHiIqQefdU")),
    *((each, f"numpy.{core}.multiarray.{each.__name__}") for core in ("core", "_core") for each in _OF_NUMPY),
    *((PosixPath, f"{module}.PosixPath") for module in ("pathlib", "pathlib._local")),
]
"""What trainers keep beside tensors, a best score or a folder, and what holds nothing but its own value."""


def read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weight file by name, on the CPU, in the file's order.

    Unwrapped: from the first of the entries `WRAPPERS`, and of the prefixes `module.` and `_orig_mod.`.

    Raises ZooError if the file is missing, of an unknown kind, truncated, holds code or no tensors.
    """
    _check_there(path)
    if path.suffix not in SUFFIXES:
        raise ZooError(f"{path} is no weight file: its name must end in {', '.join(SUFFIXES)}")
    try:
        with torch.serialization.safe_globals(_PLAIN):
            tensors = timm.models.load_state_dict(str(path), weights_only=True)
    except _UNREADABLE as error:
        raise ZooError(_explain(path, error)) from error
    tensors = _unwrapped(tensors)
    if not tensors:
        raise ZooError(f"{path} holds no tensors")
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise ZooError(
                f"{path} holds no state dict: its entry {name} is a {type(tensor).__name__}, not a tensor; "
                "save the state_dict() alone"
            )
    return dict(tensors)


def _unwrapped(entries: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state dict in what a trainer saved, as far as timm left it there: the first of `WRAPPERS`."""
    while not all(isinstance(each, torch.Tensor) for each in entries.values()):
        inner = next((entries[key] for key in WRAPPERS if isinstance(entries.get(key), Mapping)), None)
        if not inner:
            return entries
        entries = inner
    return entries


def _explain(path: Path, error: Exception) -> str:
    code = re.search(r"Unsupported global: GLOBAL (\S+)", str(error.__cause__))
    if code:
        return (
            f"{path} is a pickle that runs code when it is loaded ({code[1]}), which is refused; "
            "save the state_dict() alone, best as .safetensors"
        )
    if not (isinstance(error, OSError) or _begins_well(path)):
        kind = "safetensors" if path.suffix == ".safetensors" else "torch.save"
        return f"{path} is no file of weights: it does not begin as those of {kind} do"
    if "weights_only" in str(error) or isinstance(error, AttributeError):
        return (
            f"{path} holds no state dict that can be read safely; "
            "save the state_dict() alone, best as .safetensors"
        )
    reason = str(error).partition("\n")[0][:120]
    if not re.search("[A-Za-z]{2}", reason):  # a pickle's opcode, or nothing
        reason = "it ends early"
    return f"{path} is damaged or cut short ({reason})"


def _begins_well(path: Path) -> bool:
    """Whether a file begins as one of its kind; as far as it goes, if it is shorter than that."""
    with path.open("rb") as file:
        start = file.read(9)
    if path.suffix == ".safetensors":  # the length of a JSON object, and the object
        return start[8:] in (b"", b"{")
    return start[:2] in (b"PK", b"P", b"") or start[:1] == b"\x80" or tarfile.is_tarfile(path)


def _check_there(path: Path) -> None:
    if not regular(path).exists():
        raise ZooError(f"{path} does not exist")


def check_sha256(path: Path, expected: str | None, more: Sequence[Path] = ()) -> str:
    """The file's SHA-256, or that of it and `more` one after the other. Raises ZooError if the file is
    missing or another one is expected."""
    _check_there(path)
    actual = sha256(path, *more)
    if expected is not None and actual != expected.lower():
        raise ZooError(f"{path.name} has the sha256 {actual} and config.yaml asks for {expected.lower()}")
    return actual


def find_package(name: str) -> Distribution:
    """An installed Python distribution; raises ZooError if it is not installed."""
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise ZooError(f"the package {name} is not installed: pip install {name}") from error


def package_file(package: Distribution, pattern: str | None = None) -> Path:
    """The weight file in an installed distribution, the one whose path matches `pattern` if it has several.

    Raises ZooError if there is none or more than one.
    """
    weight_files = [file for file in package.files or () if file.suffix in SUFFIXES]
    matching = [
        file for file in weight_files if pattern is None or fnmatch(str(file), pattern) or file.match(pattern)
    ]
    if len(matching) != 1:
        which = f"matching {pattern} " if pattern else ""
        names = ", ".join(str(file) for file in weight_files) or "none at all"
        raise ZooError(
            f"the package {package.name} must hold one weight file {which}and holds {len(matching)}; "
            f"name one by weights: {{package: …, file: …}}; there are: {names}"
        )
    return Path(str(package.locate_file(matching[0])))


def package_licence(package: Distribution) -> str | None:
    """What the distribution says of its licence: in its metadata, else the first line of its licence file."""
    metadata = package.metadata
    for key in ("License-Expression", "License"):
        text = " ".join(metadata.get_all(key) or ()).strip()
        if text and text != "UNKNOWN":
            return text.splitlines()[0]
    for classifier in metadata.get_all("Classifier") or ():
        if classifier.startswith("License ::"):
            return str(classifier).rpartition(" :: ")[2]
    for name in (*(metadata.get_all("License-File") or ()), "LICENSE", "LICENSE.txt"):
        text = (package.read_text(name) or package.read_text(f"licenses/{name}") or "").strip()
        if text:
            return text.splitlines()[0].strip()
    return None
