"""An agent as its client sees it: calls that end, with an answer or a sentence, within a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.errors import ZooError
from zoo.jobs.made import made_sha256
from zoo.targets.channel import Channel
from zoo.targets.connection import Connection
from zoo.targets.faults import ConnectionCut, Unreachable
from zoo.targets.link import QUICK_S, Link
from zoo.targets.protocol import Frame, OutOfStep, packed_arrays, unpacked_array

TRANSFER_S, RUN_S = 600.0, 1800.0
"""By the clock: how long a part of a file, and a model for one input, may take."""
PART = 1 << 20
"""Bytes of a file that travel at once: what is lost with a connection."""


@dataclass(frozen=True)
class Opened:
    """An artifact that an agent has open, by a number. outputs: its blobs that `run` gives, in this order."""

    id: int
    outputs: tuple[str, ...]


@dataclass
class _Opening:
    """How an artifact was opened, to do it again, and the number that the agent has for it."""

    files: tuple[Path, Path]
    request: Mapping[str, Any]
    id: int = -1


class Remote:
    """An agent on a target. sent: bytes of files that travelled there.

    A connection that is lost is made anew, what was open is opened again, and what was asked for is asked
    again, see `Connection`. A call raises what `Channel.answer` does.
    """

    def __init__(self, link: Link) -> None:
        self._connection = Connection(link, self._restore)
        self._openings: dict[int, _Opening] = {}
        self.sent = 0

    @classmethod
    def start(cls, link: Link) -> Self:
        """Start an agent. Raises as `Link.open` does."""
        remote = cls(link)
        remote._connection.again(lambda channel: None)
        return remote

    @property
    def told(self) -> Mapping[str, Any]:
        """What the agent says of itself, see `agent/machine.h`."""
        return self._connection.told

    def call(self, what: str, limit_s: float, body: bytes = b"", **arguments: Any) -> Frame:
        """The answer to a request of one frame."""
        return self._connection.again(lambda channel: _asked(channel, what, limit_s, body, arguments))

    def put(self, file: Path) -> str:
        """Have a file in the agent's cache, and return its SHA-256; what is there does not travel again."""
        return self._connection.again(lambda channel: self._put(channel, file))

    def open(
        self,
        files: Sequence[Path],
        inputs: Sequence[str],
        outputs: Sequence[str],
        threads: int,
        options: Mapping[str, bool],
    ) -> Opened:
        """Open a `.param` and its `.bin` with ncnn's options. inputs, outputs: blobs by name."""
        param, weights = files
        request = {"inputs": list(inputs), "outputs": list(outputs)}
        opening = _Opening((param, weights), request | {"threads": threads, "options": dict(options)})
        self._connection.again(lambda channel: self._open(channel, opening))
        self._openings[len(self._openings)] = opening
        return Opened(len(self._openings) - 1, tuple(outputs))

    def run(
        self, opened: Opened, inputs: Arrays, blobs: Sequence[str] | None = None
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """The outputs, or other blobs in the graph's order, by name, each when it is computed."""
        wanted = list(opened.outputs if blobs is None else blobs)
        place = 0
        while place < len(wanted):
            try:
                channel = self._connection.channel()
                for index, values in enumerate(_blobs(channel, self._id(opened), inputs, wanted)):
                    if index == place:  # what was given before a loss is not given again
                        place += 1
                        yield wanted[index], values
                self._connection.works()
            except Unreachable as lost:
                self._connection.lost(lost)

    def time_in_turns(
        self, artifacts: Sequence[Opened], inputs: Arrays, warmup: int, rounds: int
    ) -> dict[str, Any]:
        """Each artifact's microseconds, round by round: `wall_us` by the clock, `cpu_us` of processors; and
        the machine's `state` right after. Raises ZooError if the connection is lost meanwhile."""
        shapes, body = packed_arrays(inputs)
        request = {"shapes": shapes, "warmup": warmup, "rounds": rounds}
        try:
            channel = self._connection.channel()
            request["ids"] = [self._id(each) for each in artifacts]
            return _asked(channel, "time", RUN_S * (warmup + rounds), body, request).header
        except ConnectionCut as lost:
            self._connection.drop()
            raise ZooError(
                f"{lost} in the middle of a benchmark, of which nothing is kept; run again"
            ) from lost

    def close(self) -> None:
        """End it: by itself, else by force."""
        self._connection.drop()

    def _restore(self, channel: Channel) -> None:
        for opening in self._openings.values():
            self._open(channel, opening)

    def _id(self, opened: Opened) -> int:
        return self._openings[opened.id].id if opened.id in self._openings else -1

    def _open(self, channel: Channel, opening: _Opening) -> None:
        param, weights = (self._put(channel, file) for file in opening.files)
        request = {**opening.request, "param": param, "weights": weights}
        opening.id = _asked(channel, "open", TRANSFER_S, b"", request).header["id"]

    def _put(self, channel: Channel, file: Path) -> str:
        sha256, size = made_sha256(file), file.stat().st_size
        there = _asked(channel, "have", QUICK_S, b"", {"sha256": sha256}).header
        if there["have"]:
            return sha256
        offset = there["received"] if there["received"] < size else 0
        with file.open("rb") as handle:
            handle.seek(offset)
            while offset < size or size == 0:
                part = handle.read(PART)
                request = {"sha256": sha256, "offset": offset, "size": size}
                _asked(channel, "put", TRANSFER_S, part, request)
                self._connection.works()
                self.sent += len(part)
                offset += len(part)
                if not part:
                    break
        return sha256


def _blobs(
    channel: Channel, id_: int, inputs: Arrays, wanted: Sequence[str]
) -> Iterator[NDArray[np.float32]]:
    """Blobs by name of what an agent has open by a number."""
    shapes, body = packed_arrays(inputs)
    channel.ask("run", RUN_S, body, {"id": id_, "shapes": shapes, "blobs": list(wanted)})
    for name in wanted:
        frame = channel.answer()
        if frame.header.get("blob") != name:
            channel.nonsense(f"it sent the blob {frame.header.get('blob')} in place of {name}")
        try:
            values = unpacked_array(frame)
        except OutOfStep as error:
            channel.nonsense(str(error))
        yield values
    channel.answer()


def _asked(channel: Channel, what: str, limit_s: float, body: bytes, arguments: Mapping[str, Any]) -> Frame:
    channel.ask(what, limit_s, body, arguments)
    return channel.answer()
