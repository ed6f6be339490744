"""A connection before its request is there: a time limit on headers, and places for those that send none."""

import asyncio
from typing import Any

from starlette.responses import JSONResponse
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from zoo.serving.limits import Limits
from zoo.serving.places import Places, address_of

HEADER_BYTES = 65536
"""Of the headers of one request; httptools has no limit of its own."""


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, but one that does not wait for ever for the headers of a request.

    uvicorn itself has a time limit between two requests and none for the first, or within headers. A
    connection without a request, be it new, sending its headers, or kept alive, is in `places`, and is closed
    if it must give its place up.
    """

    def __init__(self, *arguments: Any, limits: Limits, places: Places, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits, self._places = limits, places
        self._deadline: asyncio.TimerHandle | None = None
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._deadline is not None:
            self._header_bytes += len(data)
            if self._header_bytes > HEADER_BYTES:
                self._refuse(431, f"the headers are too large; the limit is {HEADER_BYTES} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        self._stop_expecting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._take_place()  # it is kept alive, for as long as uvicorn lets it

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        super().connection_lost(exc)

    def _take_place(self) -> None:
        self._places.take(self, address_of(self.client), self.transport.abort)

    def _expect_headers(self) -> None:
        self._take_place()
        if self._deadline is None:
            detail = f"the headers did not arrive within {self._limits.header_seconds:g} s"
            self._deadline = self.loop.call_later(self._limits.header_seconds, self._refuse, 408, detail)

    def _stop_expecting(self) -> None:
        self._places.leave(self)
        self._header_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int, detail: str) -> None:
        """End the connection, with an answer if no other one is on its way."""
        if self.cycle is None or self.cycle.response_complete:
            answer = JSONResponse({"detail": detail}, status, {"connection": "close"})
            lines = [STATUS_LINE[status], *(b"%s: %s\r\n" % header for header in answer.raw_headers)]
            self.transport.write(b"".join([*lines, b"\r\n", answer.body]))
        self.transport.close()
