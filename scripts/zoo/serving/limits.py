"""What a server takes, for how long, and with what it computes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a service takes.

    image_bytes: of one image file. pixels: of one image, as it comes and as it is resized. seconds: from the
    first byte of a request to its answer, and for one computation. waiting: how many requests may be on their
    way at once, those that compute included.
    """

    image_bytes: int = 10 * 2**20
    pixels: int = 50_000_000
    seconds: float = 10
    waiting: int = 64

    @property
    def body_bytes(self) -> int:
        """Of a request: base64 takes a third more than the image, and there is something around it."""
        return self.image_bytes * 4 // 3 + 4096


@dataclass(frozen=True)
class Workers:
    """The processes that compute, each with a copy of the model.

    count: how many. threads: CPU threads of each. max_batch: images that one takes together, at most.
    """

    count: int = 1
    threads: int = 1
    max_batch: int = 1
