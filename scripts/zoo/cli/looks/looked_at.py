"""The entry of a model in config.yaml, found out by looking at what somebody has: a name, or a file."""

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.jobs.files import regular

_WEIGHTS = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")
_FILES = (".onnx", ".torchscript", *_WEIGHTS)
_ARCHITECTURE = ("arch", "architecture", "model_name")
"""What trainers call the architecture in what they save, timm and the hub's config.json first."""


def entry_of(model: str, architecture: str | None = None) -> tuple[str, dict[str, Any], list[str]]:
    """A name for a model, its entry, and what was found out, a sentence each.

    model: an architecture, a file that holds a model (ONNX, TorchScript), or one of weights. architecture:
    timm's name, for a file of weights that does not tell it. Raises ZooError, saying what to give, for what
    cannot be found out, for a file that holds neither a model nor weights, and for weights that are not of
    that architecture.
    """
    path = Path(model)
    if path.suffix.lower() not in _FILES:
        return _of_name(model)
    if not regular(path).exists():
        raise ZooError(f"{model}: there is no such file")
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", path.stem).strip("_-") or "mine"
    if path.suffix.lower() == ".onnx":
        _check_onnx(path)
        return name, {"onnx": model}, ["an ONNX file"]
    if _is_torchscript(path):
        return name, {"torchscript": model}, ["a TorchScript file; say its image: preprocess: {size: […]}"]
    if path.suffix.lower() == ".torchscript":
        raise ZooError(f"{path} is no TorchScript file, or damaged; write it by torch.jit.save")
    return name, *_of_weights(path, architecture)


def _of_name(model: str) -> tuple[str, dict[str, Any], list[str]]:
    """The entry of an architecture, with a tag of weights where the library has some."""
    import timm

    from zoo.sweep.doctor import library_of

    library, _, title = model.rpartition(":")
    library = library or library_of(title, _FILES)
    base, _, tag = title.partition(".")
    found = [f"an architecture of {library}"]
    known = timm.get_pretrained_cfg(base) if library == "timm" and not tag else None
    if known and known.tag and (known.hf_hub_id or known.url):
        title = f"{base}.{known.tag}"
        found.append(
            f"weights: {known.tag}, timm's first; others: {', '.join(_tags(base, known.tag)) or 'none'}"
        )
    return re.sub(r"[^A-Za-z0-9_-]+", "_", base), {library: title}, found


def _tags(base: str, but: str) -> list[str]:
    """The tags of an architecture's other weights."""
    import timm

    return [tag for name in timm.list_pretrained(f"{base}.*") if (tag := name.partition(".")[2]) != but]


def _check_onnx(path: Path) -> None:
    """Raises ZooError unless a file holds a graph that returns something: bytes of no ONNX file, or none at
    all, may be read as a model without one."""
    import onnx

    try:
        whole = bool(onnx.load(path, load_external_data=False).graph.output)
    except Exception:  # protobuf raises unrelated classes
        whole = False
    if not whole:
        raise ZooError(f"{path} is no ONNX file, or damaged or cut short; export it again")


def _is_torchscript(path: Path) -> bool:
    """Whether a file is an archive with code; one of tensors has none."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _of_weights(path: Path, architecture: str | None) -> tuple[dict[str, Any], list[str]]:
    """The entry of a file of weights: the architecture, how many classes, how its tensors are matched."""
    import timm

    from zoo.models import checkpoint

    tensors = checkpoint.read(path)
    architecture = architecture or _told(path) or _in_name(path.stem, timm.list_models())
    if architecture is None:
        raise ZooError(
            f"{path} does not tell its architecture; give timm's name of it (--timm NAME), or write an entry "
            "for another library, see docs/sources.md"
        )
    if architecture.partition(".")[0] not in timm.list_models():
        raise ZooError(f"timm has no architecture {architecture}; name one of timm's (--timm NAME)")
    classes = _classes(architecture, tensors)
    keys = _keys(path, architecture, classes, {name: tuple(each.shape) for name, each in tensors.items()})
    entry: dict[str, Any] = {"timm": architecture.partition(".")[0]}
    entry |= {"args": {"num_classes": classes}} if classes != 1000 else {}
    entry["weights"] = {"file": str(path)} | ({"keys": "order"} if keys == "order" else {})
    found = [f"weights of timm's {architecture}, {classes} outputs, {len(tensors)} tensors"]
    if keys == "order":
        found.append("its tensors have other names than timm's, and the same order and shapes")
    labels = next(
        (path.with_name(each) for each in ("labels.txt", "classes.txt") if _fits(path, each, classes)), None
    )
    if labels:
        entry["labels"] = str(labels)
        found.append(f"{labels} names the classes")
    return entry, found


def _told(path: Path) -> str | None:
    """The architecture that the file, or the hub's config.json beside it, names."""
    said: Mapping[str, Any] = {}
    beside = path.with_name("config.json")
    if beside.is_file():
        try:
            said = json.loads(beside.read_text(encoding="utf-8"))
        except ValueError:
            said = {}
    elif path.suffix != ".safetensors":
        import torch

        try:
            said = torch.load(path, map_location="cpu", weights_only=True)
        except Exception:  # what cannot be read says nothing, and was read otherwise
            said = {}
    named = (said.get(key) for key in _ARCHITECTURE) if isinstance(said, Mapping) else ()
    return next((each for each in named if isinstance(each, str)), None)


def _in_name(stem: str, names: list[str]) -> str | None:
    """The longest name of an architecture that a file's name holds."""
    text = stem.lower().replace("-", "_")
    return max(
        (name for name in names if re.search(rf"(?<![a-z0-9]){name}(?![a-z0-9])", text)),
        key=len,
        default=None,
    )


def _classes(architecture: str, tensors: Mapping[str, Any]) -> int:
    """How many outputs the classifier of a file has: the last matrix, where it is not called as timm's."""
    import timm

    known = timm.get_pretrained_cfg(architecture.partition(".")[0])
    classifier = known.classifier if known else None
    weight = tensors.get(f"{classifier}.weight")
    matrices = [each for each in tensors.values() if each.ndim == 2]
    found = weight if weight is not None else (matrices[-1] if matrices else None)
    return 1000 if found is None else int(found.shape[0])


def _keys(path: Path, architecture: str, classes: int, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """How tensors are matched: by `name`, or by `order`. Raises ZooError if they are of another model."""
    import timm
    import torch

    with torch.device("meta"):
        model = timm.create_model(architecture.partition(".")[0], num_classes=classes)
    own = {name: tuple(each.shape) for name, each in model.state_dict().items()}
    if own == {name: shape for name, shape in shapes.items() if name in own}:
        return "name"
    if list(own.values()) == list(shapes.values()):
        return "order"
    lacking = next((name for name in own if shapes.get(name) != own[name]), "")
    raise ZooError(
        f"{path} is no {architecture} with {classes} outputs: of {lacking}, {own.get(lacking)}, it has "
        f"{shapes.get(lacking, 'nothing')}; name its architecture (--timm NAME), or its arguments in args:"
    )


def _fits(path: Path, name: str, classes: int) -> bool:
    """Whether a file of so many lines lies beside another."""
    labels = path.with_name(name)
    return labels.is_file() and len(labels.read_text(encoding="utf-8").splitlines()) == classes
