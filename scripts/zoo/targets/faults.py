"""What can be wrong with a device, or with the way to it, rather than with what runs there."""

from zoo.errors import ZooError


class Unreachable(ZooError):
    """A device that cannot be worked with.

    lasting: whether to try again is of no use until somebody does something about it.
    """

    def __init__(self, text: str, lasting: bool = False) -> None:
        super().__init__(text)
        self.lasting = lasting


class ConnectionCut(Unreachable):
    """A connection that was there and is no more."""


class AgentAbsent(ZooError):
    """The device has no such agent yet; it is to be placed there."""


class Nonsense(ZooError):
    """What answers is no agent, or not the one that was asked."""
