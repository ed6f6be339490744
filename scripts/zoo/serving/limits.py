"""What a server takes, for how long, and with what it computes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a service takes.

    image_bytes: of one image file. pixels: of one image, as it comes and as it is resized. seconds: from the
    end of a request's headers to its answer, and for one computation. header_seconds: for the headers.
    waiting: how many requests that have arrived may wait for their answers at once, those that compute
    included. arriving: how many may arrive at once, and how many connections may be there without a request.
    per_address: how many of each of these may be of one client.
    """

    image_bytes: int = 10 * 2**20
    pixels: int = 50_000_000
    seconds: float = 10
    header_seconds: float = 5
    waiting: int = 64
    arriving: int = 128
    per_address: int = 32

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
