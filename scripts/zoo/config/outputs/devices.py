"""What is different from device to device: which program runs an artifact there, and whether it is timed."""

from typing import Any

from zoo.config.artifacts import ARTIFACTS, DEVICES
from zoo.config.outputs.paths import agent_file
from zoo.config.zoo import Zoo


def is_timed(zoo: Zoo, device: str) -> bool:
    """Whether artifacts are timed on a device."""
    return device in DEVICES or zoo.targets[device].is_timed


def runner(zoo: Zoo, device: str, artifact: str) -> str:
    """What runs an artifact on a device: the name of a module of `zoo.runners`, and what that runs."""
    return "target" if device in zoo.targets else ARTIFACTS[artifact].runtime


def artifact_values(zoo: Zoo, device: str, model: str, artifact: str) -> dict[str, Any]:
    """An artifact as `zoo.runners.artifact.Artifact.of` takes it beside its files; on a target, with that."""
    values: dict[str, Any] = ARTIFACTS[artifact].of(device, model)
    if target := zoo.targets.get(device):
        values["target"] = target.to_dict() | {"agent": agent(zoo, device)[0]}
    return values


def agent(zoo: Zoo, device: str) -> list[str]:
    """The program that works on a device; none on this machine."""
    return [agent_file(zoo.targets[device].architecture)] if device in zoo.targets else []


def uses_board(zoo: Zoo, device: str) -> int:
    """How many boards a job for a device has to itself."""
    return int(device in zoo.targets and zoo.targets[device].is_board)


def boards(zoo: Zoo) -> list[dict[str, Any]]:
    """The targets that keep files, as plain values."""
    names = [name for name, target in zoo.targets.items() if target.is_board]
    return [zoo.targets[name].to_dict() | {"agent": agent(zoo, name)[0]} for name in names]


def board_agents(zoo: Zoo) -> list[str]:
    """The programs that work on them."""
    return sorted({board["agent"] for board in boards(zoo)})
