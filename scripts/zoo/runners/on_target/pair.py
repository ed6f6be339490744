"""An artifact and ncnn's fp32 on a target, to be timed in turn there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.benchmark import MachineState
from zoo.config.records.proof import RuntimeInfo
from zoo.errors import ZooError
from zoo.runners.artifact import Artifact
from zoo.runners.on_target.reach import reached
from zoo.runners.on_target.runner import info_of, most_threads, open_there
from zoo.targets.link import QUICK_S
from zoo.targets.remote import Opened, Remote

_STATE = [each.name for each in fields(MachineState)]


@dataclass(frozen=True)
class TargetPair:
    """Both, open at one agent. info: what runs them. threads: that they may have at most there."""

    info: RuntimeInfo
    threads: int
    cores: int
    _artifacts: tuple[Artifact, Artifact]
    _remote: Remote

    @classmethod
    @contextmanager
    def on_target(cls, artifact: Artifact, fp32: Artifact) -> Iterator["TargetPair"]:
        """The pair, until the block ends. Raises ZooError if the target cannot be reached."""
        if artifact.target is None:
            raise ZooError(f"{artifact}: it is on no target")
        with reached(artifact.target) as remote:
            told = remote.told
            info, threads = info_of(told, artifact.target), most_threads(artifact.target, told)
            yield cls(info, threads, int(told["cores"]), (artifact, fp32), remote)

    def peak_memory(self, inputs: Arrays) -> int:
        """Peak resident memory in bytes of an agent that ran the artifact alone; to be asked for first."""
        opened = self._open(self._artifacts[0], 1)
        for _ in range(2):
            list(self._remote.run(opened, inputs))
        return int(self._remote.call("state", QUICK_S).header["peak_memory_bytes"] or 0)

    def opened(self, threads: int, fp32_threads: int | None = None) -> "Turns":
        """The two, open with so many threads. fp32_threads: what the second gets, if not as many."""
        own = self._open(self._artifacts[0], threads)
        return Turns(self._remote, own, self._open(self._artifacts[1], fp32_threads or threads))

    def _open(self, artifact: Artifact, threads: int) -> Opened:
        switches = artifact.options.switches
        return open_there(self._remote, artifact.files, threads, artifact.precision, switches)[1]


@dataclass(frozen=True)
class Turns:
    """Rounds of the artifact and of fp32."""

    _remote: Remote
    own: Opened
    reference: Opened

    def time(self, inputs: Arrays, warmup: int, rounds: int) -> tuple[NDArray[np.float64], MachineState]:
        """Seconds by the clock, (rounds, 2): of the artifact, of fp32; and the machine right after.

        Raises ZooError if the connection is lost meanwhile, or what comes is no time.
        """
        told = self._remote.time_in_turns([self.own, self.reference], inputs, warmup, rounds)
        seconds = np.array(told["wall_us"], dtype=np.float64).T / 1e6
        if seconds.shape != (rounds, 2) or not (seconds > 0).all():
            raise ZooError(f"the agent was to time {rounds} rounds of two artifacts, and told of others")
        return seconds, state_of(told["state"])

    def state(self) -> MachineState:
        """The machine as it is now."""
        return state_of(self._remote.call("state", QUICK_S).header)


def state_of(told: Mapping[str, Any]) -> MachineState:
    """A machine's state as its agent tells it."""
    return MachineState(**{name: told[name] for name in _STATE})
