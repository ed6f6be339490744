"""State dicts: saved, loaded, and compared with the model they are meant for."""

from dataclasses import replace
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.models.architecture import create, naming
from zoo.models.checkpoint import read
from zoo.models.libraries import Tensors


def save(model: nn.Module, path: str | Path) -> None:
    """Write the model's state dict as safetensors; equal tensors give equal bytes."""
    tensors = {
        name: tensor.detach().cpu().clone().contiguous() for name, tensor in model.state_dict().items()
    }
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})


def load(spec: ModelSpec, path: str | Path) -> nn.Module:
    """The model with the weights of a .safetensors file that `save` wrote, in eval mode on the CPU; or the
    one of a file that is a model itself.

    Raises ZooError naming the model if the file is missing, damaged, or of another model.
    """
    if spec.kind.is_file:
        return create(replace(spec, architecture=str(path)))
    model = create(spec)
    with naming(spec):
        tensors = read(Path(path))
        if misfits := differences(model, tensors):
            raise ZooError(f"{path} does not fit {spec.title}: {misfits}")
    model.load_state_dict(tensors)
    return model


def differences(model: nn.Module, tensors: Tensors) -> str:
    """What keeps the tensors from being the model's state dict, as half a sentence; empty if nothing does."""
    wanted = model.state_dict()
    shared = [name for name in wanted if name in tensors]
    reshaped = [
        f"{name} is {_shape(tensors[name])} and must be {_shape(wanted[name])}"
        for name in shared
        if tensors[name].shape != wanted[name].shape
    ]
    retyped = [
        f"{name} is {_type(tensors[name])} and must be {_type(wanted[name])}"
        for name in shared
        if not _same_kind(tensors[name], wanted[name])
    ]
    parts = [
        listed("missing", [name for name in wanted if name not in tensors]),
        listed("unexpected", [name for name in tensors if name not in wanted]),
        listed("of another shape", reshaped),
        listed("of another type", retyped),
    ]
    classifier = f"{getattr(model, 'pretrained_cfg', {}).get('classifier')}.weight"
    if classifier in shared and tensors[classifier].shape[0] != model.num_classes:
        classes = tensors[classifier].shape[0]
        parts.append(f"it has {classes} classes and the model {model.num_classes} (num_classes)")
    return "; ".join(part for part in parts if part)


def without_prefix(model: nn.Module, tensors: Tensors) -> tuple[Tensors, str]:
    """The tensors under the model's names, where a prefix such as `model.` stands before all of these in a
    file, and that prefix; the tensors as they are, and no prefix, where none does.

    Whatever else is in the file, as a trainer's own metrics, is left out. Raises ZooError for a file with the
    model's names under several prefixes.
    """
    wanted = model.state_dict()
    if not wanted or all(name in tensors for name in wanted):
        return tensors, ""
    first = next(iter(wanted))
    prefixes = [name.removesuffix(first) for name in tensors if name.endswith(f".{first}")]
    whole = [prefix for prefix in prefixes if all(f"{prefix}{name}" in tensors for name in wanted)]
    if len(whole) > 1:
        raise ZooError(
            f"the file holds the model's weights several times, under {', '.join(whole)}; save those that "
            "are meant alone"
        )
    if not whole:
        return tensors, ""
    (prefix,) = whole
    inside = {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
    return inside, prefix


def other_classes(model: nn.Module, tensors: Tensors) -> int | None:
    """The number of classes of a file's tensors, where it is all that keeps them from fitting the model.

    Tensors that belong to classes are told by their first dimension: one number for all of them on either
    side, and all that differs. Names are not looked at if they are foreign. None if the tensors fit, or
    differ in more.
    """
    wanted = model.state_dict()
    if len(wanted) != len(tensors):
        return None
    names = wanted if wanted.keys() == tensors.keys() else tensors
    dimensions = set()
    for parameter, name in zip(wanted.values(), names, strict=True):
        tensor = tensors[name]
        if parameter.shape != tensor.shape:
            if parameter.dim() != tensor.dim() or parameter.shape[1:] != tensor.shape[1:]:
                return None
            dimensions.add((parameter.shape[0], tensor.shape[0]))
    return dimensions.pop()[1] if len(dimensions) == 1 else None


def in_order(model: nn.Module, tensors: Tensors) -> Tensors:
    """The tensors under the model's names, one after the other.

    Shapes and the last parts of names (weight, running_mean) must agree.

    Raises ZooError naming the first pair that does not.
    """
    wanted = model.state_dict()
    for (name, tensor), (target, parameter) in zip(tensors.items(), wanted.items(), strict=False):
        same_role = name.rpartition(".")[2] == target.rpartition(".")[2]
        if not same_role or tensor.shape != parameter.shape:
            raise ZooError(f"{name} ({_shape(tensor)}) meets {target} ({_shape(parameter)}) first")
        if not _same_kind(tensor, parameter):
            raise ZooError(f"{name} is {_type(tensor)} and {target} must be {_type(parameter)}")
    if len(tensors) != len(wanted):
        raise ZooError(f"there are {len(tensors)} tensors for {len(wanted)}")
    return dict(zip(wanted, tensors.values(), strict=True))


def _same_kind(tensor: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Whole numbers, as quantized files hold them, are no float weights; any kind of float is another's."""
    return tensor.is_floating_point() or not wanted.is_floating_point()


def _type(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def listed(what: str, names: list[str]) -> str:
    """`2 missing (a, b)`, the names cut after three; empty for none."""
    if not names:
        return ""
    more = f", … and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(names)} {what} ({', '.join(names[:3])}{more})"


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
