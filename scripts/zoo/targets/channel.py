"""The pipes to an agent: frames there and back within a time, and what is said when there is none."""

import os
import select
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from signal import Signals
from typing import IO, Any, NoReturn

from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import CRASHES, ChildCrashed, ChildDied
from zoo.targets.carriers import Carrier
from zoo.targets.faults import Nonsense
from zoo.targets.protocol import Frame, OutOfStep, packed, unpacked

_GRACE_S = 5.0
"""How long an agent that is no longer needed may take to end by itself."""
_PIPE = 1 << 16
OURS = "ncnn-zoo: "
"""What lines begin with that a carrier's own script prints, see `shell`."""


class Channel:
    """An agent's process and its pipes. target: its device's name, for sentences. errors: what it prints.
    carrier: what started it, and tells what its end means.

    One request at a time: `ask`, then `answer` for each frame that it is answered by.
    """

    def __init__(
        self, target: str, process: subprocess.Popen[bytes], errors: IO[bytes], carrier: Carrier
    ) -> None:
        self._target, self._process, self._errors, self._carrier = target, process, errors, carrier
        assert process.stdin and process.stdout
        self._to, self._from = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(self._to, False)
        self._what, self._deadline = "nothing", 0.0

    def ask(self, what: str, limit_s: float, body: bytes, arguments: Mapping[str, Any]) -> None:
        """Send a request; it is to be taken, and answered, within so many seconds by the clock."""
        self._what, self._deadline = what, time.monotonic() + limit_s
        left = memoryview(packed({"do": what, **arguments}, body))
        with suppress(BrokenPipeError):  # it ended, and may have said why
            while left:
                self._wait([], [self._to])
                left = left[os.write(self._to, left[:_PIPE]) :]

    def allow(self, limit_s: float) -> None:
        """Let the answer take so many seconds from now."""
        self._deadline = time.monotonic() + limit_s

    def answer(self) -> Frame:
        """The next frame. Raises ArtifactError for what the agent refuses to do, MemoryError if it has none
        left, ChildDied if it ended (a crash is a ChildCrashed), what `Carrier.ended` does, and ZooError,
        ending it, if it is silent for too long or talks nonsense."""
        try:
            frame = unpacked(self._read)
        except OutOfStep as error:
            self.nonsense(str(error))
        if "error" not in frame.header:
            return frame
        sentence = f"{self._target}: {frame.header['error']}"
        raise MemoryError(sentence) if frame.header.get("memory") else ArtifactError(sentence)

    def nonsense(self, why: str) -> NoReturn:
        """End it, for what it says is not what it was asked. Raises Nonsense."""
        self._process.kill()
        raise Nonsense(
            f"{self._target}: the agent talks nonsense when it is asked to {self._what}: {why}"
            f"{self._said(' (it printed: {})')}"
        )

    def close(self) -> None:
        """End it: by itself, else by force."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self, size: int) -> bytes:
        read = bytearray()
        while len(read) < size:
            self._wait([self._from], [])
            part = os.read(self._from, min(size - len(read), 1 << 20))
            if not part:
                raise self._death()
            read += part
        return bytes(read)

    def _wait(self, readable: list[int], writable: list[int]) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0 or not any(select.select(readable, writable, [], left)):
            self._process.kill()
            raise ZooError(
                f"{self._target}: the agent did not answer in time when it was asked to {self._what}; is the "
                "device there, and is it idle?"
            )

    def _death(self) -> ZooError:
        """What is to be raised: a crash of its own is the fault of what ran."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        code = self._process.poll()
        self.close()
        try:
            code = self._carrier.ended(code, self._printed())
        except ZooError as fault:
            return fault
        signal = Signals(-code) if code is not None and code < 0 else None
        end = signal.name if signal else f"exit status {code}"
        text = (
            f"{self._target}: the agent ended ({end}) when it was asked to {self._what}{self._said(': {}')}"
        )
        return (ChildCrashed if signal in CRASHES else ChildDied)(text, signal)

    def _printed(self) -> str:
        """The end of what it printed."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 4000))
        return self._errors.read().decode(errors="replace")

    def _said(self, form: str) -> str:
        """The last lines that it printed, if any, in a form."""
        lines = [each for each in self._printed().strip().splitlines() if not each.startswith(OURS)][-2:]
        return form.format(" / ".join(line.strip()[:200] for line in lines)) if lines else ""
