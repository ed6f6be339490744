"""A connection to an agent that is made anew when it is lost, a few times."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from zoo.targets.channel import Channel
from zoo.targets.faults import ConnectionCut, Unreachable
from zoo.targets.link import Link

R = TypeVar("R")

PAUSES_S = (0.5, 2.0, 5.0, 15.0)
"""Before a connection that was lost is tried again; then it is given up."""


class Connection:
    """link: how the agent is reached. restore: has a new agent as the last one was. told: what it says of
    itself, see `agent/machine.h`."""

    def __init__(self, link: Link, restore: Callable[[Channel], None]) -> None:
        self._link, self._restore = link, restore
        self._channel: Channel | None = None
        self._losses = 0
        self.told: Mapping[str, Any] = {}

    def again(self, action: Callable[[Channel], R]) -> R:
        """What an action gives, which is done anew when the connection is lost. Raises Unreachable when that
        was of no use, and what `Link.open` and the action raise."""
        while True:
            try:
                done = action(self.channel())
                self.works()
                return done
            except Unreachable as lost:
                self.lost(lost)

    def channel(self) -> Channel:
        """To an agent that was greeted."""
        if self._channel is None:
            self._channel, self.told = self._link.open()
            self._restore(self._channel)
        return self._channel

    def works(self) -> None:
        """What was asked for was answered: losses are counted from the next on."""
        self._losses = 0

    def lost(self, fault: Unreachable) -> None:
        """Be ready to try again, after a while. Raises the fault if that is of no use: a device that does not
        answer when it is first asked is told of at once."""
        self.drop()
        if fault.lasting or not (self.told or isinstance(fault, ConnectionCut)):
            raise fault
        if self._losses == len(PAUSES_S):
            raise Unreachable(f"{fault}; it was tried {self._losses + 1} times", lasting=True) from fault
        logging.warning("%s; it is tried again", fault)
        time.sleep(PAUSES_S[self._losses])
        self._losses += 1

    def drop(self) -> None:
        """End the agent: by itself, else by force."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
