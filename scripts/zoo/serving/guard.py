"""What stands before the model: limits on size, time and number of requests, and the figures about them."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, Histogram, Info
from prometheus_client import Counter as CountedEvents
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoo.serving.limits import Limits
from zoo.serving.places import Places, address_of

PATH = "/predict"
BATCH_HEADER = "x-zoo-batch"
"""By which a worker tells how many images a batch had and how many seconds it took, on one of its answers; it
does not reach the client."""


class Metrics:
    """The figures of a service, counted in the process that listens."""

    def __init__(self, model: Mapping[str, str]) -> None:
        self.registry = CollectorRegistry()
        Info("zoo_model", "What is served.", registry=self.registry).info(dict(model))
        self.requests = CountedEvents(
            "zoo_requests", "Requests to /predict by HTTP status.", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            "zoo_request_seconds",
            "From the first byte of a request to the last of its answer.",
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "zoo_requests_in_flight", "Requests to /predict not answered yet.", registry=self.registry
        )
        self.batch_images = Histogram(
            "zoo_batch_images",
            "Images that a worker took together.",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self.registry,
        )
        self.batch_seconds = Histogram(
            "zoo_batch_seconds",
            "Decoding, preparing and computing of a batch.",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=self.registry,
        )


class Guard:
    """ASGI middleware around the service; see `Limits`. Every refusal is JSON with one sentence.

    It reads a request whole before it gives it on: one that is still arriving keeps no other one away.
    """

    def __init__(self, app: ASGIApp, limits: Limits, metrics: Metrics) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics
        self._arriving = Places(limits.arriving, limits.per_address)
        self._waiting: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._metrics)
        start = time.perf_counter()
        self._metrics.in_flight.inc()
        try:
            await self._answer(exchange)
        finally:
            self._metrics.in_flight.dec()
            self._metrics.seconds.observe(time.perf_counter() - start)
            self._metrics.requests.labels(str(exchange.status)).inc()

    async def _answer(self, exchange: "_Exchange") -> None:
        refusal: JSONResponse | None = None
        try:
            async with asyncio.timeout(self._limits.seconds) as limit:
                refusal = await self._read(exchange, limit) or self._crowded(exchange.address)
                if refusal is None:
                    await self._compute(exchange)
        except TimeoutError:
            refusal = None if exchange.status else exchange.too_late(self._limits)
        if refusal is not None:
            await refusal(exchange.scope, exchange.receive, exchange.send)

    async def _read(self, exchange: "_Exchange", limit: asyncio.Timeout) -> JSONResponse | None:
        """Read the body; the answer to a request that cannot be read, or need not be."""

        def end() -> None:
            exchange.evicted = True
            if not limit.expired():
                limit.reschedule(0)

        length = Headers(scope=exchange.scope).get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            return _refused(413, _too_large(self._limits))
        self._arriving.take(exchange, exchange.address, end)
        try:
            return await exchange.read(self._limits)
        finally:
            self._arriving.leave(exchange)

    def _crowded(self, address: str) -> JSONResponse | None:
        """The answer to a request that has arrived when too many have."""
        waiting, same = self._waiting.total(), self._waiting[address]
        if waiting >= self._limits.waiting:
            detail = f"{waiting} requests are waiting already; try again later"
        elif same >= self._limits.per_address:
            detail = f"{same} requests of {address} are waiting already; try again later"
        else:
            return None
        return JSONResponse({"detail": detail}, 503, {"Retry-After": "1"})

    async def _compute(self, exchange: "_Exchange") -> None:
        self._waiting[exchange.address] += 1
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        finally:
            self._waiting -= Counter([exchange.address])


class _Exchange:
    """One request and its answer, watched. evicted: it lost its place while it arrived."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, metrics: Metrics) -> None:
        self.scope, self._receive, self._send, self._metrics = scope, receive, send, metrics
        self.address = address_of(scope.get("client"))
        self.evicted = False
        self.status: int | None = None
        self._body: bytes | None = None
        self._given = False

    async def read(self, limits: Limits) -> JSONResponse | None:
        """Read the body; the answer to a request that is too large or ends within it."""
        body = bytearray()
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return _refused(400, "the connection ended within the request")
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > limits.body_bytes:
                return _refused(413, _too_large(limits))
        self._body = bytes(body)
        return None

    async def receive(self) -> Message:
        """The body, whole; then what comes after it."""
        if self._given:
            return await self._receive()
        self._given = True
        return {"type": "http.request", "body": self._body or b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            if BATCH_HEADER in headers:
                images, seconds = headers[BATCH_HEADER].split()
                self._metrics.batch_images.observe(int(images))
                self._metrics.batch_seconds.observe(float(seconds))
                del headers[BATCH_HEADER]
        await self._send(message)

    def too_late(self, limits: Limits) -> JSONResponse:
        if self.evicted:
            return _refused(408, "the request arrived slowly, and others that came needed its place")
        if self._body is None:
            return _refused(408, f"the request did not arrive within {limits.seconds:g} s")
        detail = f"there was no answer within {limits.seconds:g} s; try again later"
        return JSONResponse({"detail": detail}, 504)


def _refused(status: int, detail: str) -> JSONResponse:
    """An answer to a request that was not read to its end."""
    return JSONResponse({"detail": detail}, status, {"Connection": "close"})


def _too_large(limits: Limits) -> str:
    return f"the request is too large; an image may have {limits.image_bytes} bytes"
