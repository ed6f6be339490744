"""An agent as its client sees it: calls that end, with an answer or a sentence, within a time."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import ChildDied
from zoo.jobs.made import made_sha256
from zoo.targets.carriers import Carrier
from zoo.targets.channel import Channel
from zoo.targets.protocol import PROTOCOL, Frame, OutOfStep, packed_arrays, unpacked_array

QUICK_S, TRANSFER_S, RUN_S = 60.0, 600.0, 1800.0
"""By the clock: how long a greeting, a part of a file, and a model for one input, may take."""
PART = 4 << 20
"""Bytes of a file that travel at once."""


@dataclass(frozen=True)
class Opened:
    """An artifact that an agent has open. outputs: its blobs that `run` gives, in this order."""

    id: int
    outputs: tuple[str, ...]


class Remote:
    """An agent on a target, greeted. told: what it says of itself, see `agent/machine.h`.

    A call raises what `Channel.answer` does.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.told: Mapping[str, Any] = {}

    @classmethod
    def start(cls, target: str, carrier: Carrier, agent: Path, cache: str) -> Self:
        """Start an agent and greet it. target: its device's name. Raises ZooError if it is of another
        version, or does not answer."""
        errors = tempfile.TemporaryFile()  # noqa: SIM115
        remote = cls(Channel(target, carrier.start(agent, cache, errors), errors))
        try:
            remote.told = remote.call("hello", QUICK_S, protocol=PROTOCOL).header
        except ArtifactError as error:
            remote.close()
            raise ZooError(f"{error}; build it anew: rm {agent}") from error
        except ChildDied as error:
            remote.close()
            raise ZooError(str(error)) from error
        return remote

    def call(self, what: str, limit_s: float, body: bytes = b"", **arguments: Any) -> Frame:
        """The answer to a request of one frame."""
        self._channel.ask(what, limit_s, body, arguments)
        return self._channel.answer()

    def put(self, file: Path) -> str:
        """Have a file in the agent's cache, and return its SHA-256; what is there does not travel again."""
        sha256, size = made_sha256(file), file.stat().st_size
        there = self.call("have", QUICK_S, sha256=sha256).header
        if there["have"]:
            return sha256
        offset = there["received"] if there["received"] < size else 0
        with file.open("rb") as handle:
            handle.seek(offset)
            while offset < size or size == 0:
                part = handle.read(PART)
                self.call("put", TRANSFER_S, part, sha256=sha256, offset=offset, size=size)
                offset += len(part)
                if not part:
                    break
        return sha256

    def open(
        self,
        files: Sequence[Path],
        inputs: Sequence[str],
        outputs: Sequence[str],
        threads: int,
        options: Mapping[str, bool],
    ) -> Opened:
        """Open a `.param` and its `.bin` with ncnn's options. inputs, outputs: blobs by name."""
        param, weights = map(self.put, files)
        answer = self.call(
            "open",
            TRANSFER_S,
            param=param,
            weights=weights,
            inputs=list(inputs),
            outputs=list(outputs),
            threads=threads,
            options=dict(options),
        )
        return Opened(answer.header["id"], tuple(outputs))

    def run(
        self, opened: Opened, inputs: Arrays, blobs: Sequence[str] | None = None
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """The outputs, or other blobs in the graph's order, by name, each when it is computed."""
        wanted = list(opened.outputs if blobs is None else blobs)
        shapes, body = packed_arrays(inputs)
        self._channel.ask("run", RUN_S, body, {"id": opened.id, "shapes": shapes, "blobs": wanted})
        for name in wanted:
            frame = self._channel.answer()
            if frame.header.get("blob") != name:
                self._channel.nonsense(f"it sent the blob {frame.header.get('blob')} in place of {name}")
            try:
                values = unpacked_array(frame)
            except OutOfStep as error:
                self._channel.nonsense(str(error))
            yield name, values
        self._channel.answer()

    def time_in_turns(
        self, artifacts: Sequence[Opened], inputs: Arrays, warmup: int, rounds: int
    ) -> dict[str, list[list[float]]]:
        """Each artifact's microseconds, round by round: `wall_us` by the clock, `cpu_us` of processors."""
        shapes, body = packed_arrays(inputs)
        ids = [each.id for each in artifacts]
        limit = RUN_S * (warmup + rounds)
        answer = self.call("time", limit, body, ids=ids, shapes=shapes, warmup=warmup, rounds=rounds)
        return {key: answer.header[key] for key in ("wall_us", "cpu_us")}

    def close(self) -> None:
        """End it: by itself, else by force."""
        self._channel.close()
