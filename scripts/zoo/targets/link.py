"""The way to an agent, gone as often as it must be: started, placed where it is not yet, greeted, and known
to be the right one."""

import logging
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import ChildDied
from zoo.jobs.made import made_sha256
from zoo.targets.carriers import Carrier
from zoo.targets.channel import Channel
from zoo.targets.faults import AgentAbsent, Nonsense
from zoo.targets.protocol import PROTOCOL

QUICK_S = 60.0
"""By the clock: how long a greeting may take, or another answer that takes no work."""
WAIT_S = 7200.0
"""How long to wait for another build that works on the same machine."""
PATIENCE_S = 900
"""How long an agent elsewhere waits for the next request before it takes the connection for dead."""


@dataclass(frozen=True)
class Link:
    """target: its device's name, for sentences. agent: the program, on this machine. cache: the folder there.
    cores: those that it is to run on; none: any. Its `session` tells the agents of one client from others."""

    target: str
    carrier: Carrier
    agent: Path
    cache: str
    cores: Sequence[int] = ()
    wait_s: float = field(default_factory=lambda: WAIT_S)
    session: str = field(default_factory=lambda: uuid.uuid4().hex)

    def open(self) -> tuple[Channel, Mapping[str, Any]]:
        """An agent that was greeted, and what it says of itself.

        Raises Unreachable if there is no way to it, and ZooError if it is of another version, does not
        answer, or cannot work as it is to.
        """
        for again in (False, True):
            try:
                channel, told = self._greeted()
                if not self.carrier.elsewhere or self._is_ours(channel):
                    return channel, told
                channel.close()
            except AgentAbsent:
                pass
            except _AnotherAgent as error:
                if again or not self.carrier.elsewhere:
                    raise
                logging.warning("%s; it is put there anew", error)
            self.carrier.place(self.agent, self.cache)
        raise ZooError(
            f"{self.target}: the agent in {self.cache} there does not stay what was put there; is its disk "
            "sound, and does somebody else use this folder?"
        )

    def _greeted(self) -> tuple[Channel, Mapping[str, Any]]:
        errors = tempfile.TemporaryFile()  # noqa: SIM115
        process = self.carrier.start(self.agent, self.cache, errors)
        channel = Channel(self.target, process, errors, self.carrier)
        try:
            return channel, self._greet(channel)
        except BaseException as error:
            channel.close()
            if isinstance(error, ArtifactError) and "of the protocol" in str(error):
                raise _AnotherAgent(f"{error}; build it anew: rm {self.agent}") from error
            if isinstance(error, ChildDied | Nonsense):
                raise _AnotherAgent(str(error)) from error
            if isinstance(error, ArtifactError):  # no artifact was asked for yet
                raise ZooError(str(error)) from error
            raise

    def _greet(self, channel: Channel) -> Mapping[str, Any]:
        terms: dict[str, Any] = {"protocol": PROTOCOL, "session": self.session, "cores": list(self.cores)}
        elsewhere = {"patience_s": PATIENCE_S, "wait_s": self.wait_s}
        terms |= elsewhere if self.carrier.elsewhere else {"wait_s": 2.0}
        channel.ask("hello", QUICK_S, b"", terms)
        while (told := channel.answer().header).get("waiting"):
            channel.allow(self.wait_s + QUICK_S)
            logging.warning("%s: another build works there; this one waits until it is done", self.target)
        return told

    def _is_ours(self, channel: Channel) -> bool:
        """Whether the program that answers is the one that is here."""
        try:
            channel.ask("self", QUICK_S, b"", {})
            return bool(channel.answer().header.get("sha256") == made_sha256(self.agent))
        except BaseException:
            channel.close()
            raise


class _AnotherAgent(ZooError):
    """What answered is no agent, or one of another version."""
