"""What stands before the model: limits on size, time and number of requests, and the figures about them."""

import asyncio
import time
from collections.abc import Mapping

from fastapi import HTTPException
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoo.serving.limits import Limits

PATH = "/predict"
BATCH_HEADER = "x-zoo-batch"
"""By which a worker tells how many images a batch had and how many seconds it took, on one of its answers; it
does not reach the client."""


class Metrics:
    """The figures of a service, counted in the process that listens."""

    def __init__(self, model: Mapping[str, str]) -> None:
        self.registry = CollectorRegistry()
        Info("zoo_model", "What is served.", registry=self.registry).info(dict(model))
        self.requests = Counter(
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
    """ASGI middleware around the service; see `Limits`. Every refusal is JSON with one sentence."""

    def __init__(self, app: ASGIApp, limits: Limits, metrics: Metrics) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, self._limits, self._metrics)
        refusal = self._refusal(scope)
        start = time.perf_counter()
        self._waiting += 1
        self._metrics.in_flight.inc()
        try:
            if refusal is not None:
                await refusal(scope, exchange.receive, exchange.send)
                return
            async with asyncio.timeout(self._limits.seconds):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            if exchange.status is None:
                await exchange.too_late()(scope, exchange.receive, exchange.send)
        finally:
            self._waiting -= 1
            self._metrics.in_flight.dec()
            self._metrics.seconds.observe(time.perf_counter() - start)
            self._metrics.requests.labels(str(exchange.status)).inc()

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        """The answer to a request that need not be read."""
        if self._waiting >= self._limits.waiting:
            detail = f"{self._waiting} requests are waiting already; try again later"
            return JSONResponse({"detail": detail}, 503, {"Retry-After": "1"})
        length = Headers(scope=scope).get("content-length", "")
        if length.isdigit() and int(length) > self._limits.body_bytes:
            return JSONResponse({"detail": _too_large(self._limits)}, 413, {"Connection": "close"})
        return None


class _Exchange:
    """One request and its answer, watched."""

    def __init__(self, receive: Receive, send: Send, limits: Limits, metrics: Metrics) -> None:
        self._receive, self._send, self._limits, self._metrics = receive, send, limits, metrics
        self._bytes = 0
        self._complete = False
        self.status: int | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._complete:
            raise HTTPException(400, "the connection ended within the request")
        self._bytes += len(message.get("body", b""))
        self._complete = self._complete or not message.get("more_body", False)
        if self._bytes > self._limits.body_bytes:
            raise HTTPException(413, _too_large(self._limits))
        return message

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

    def too_late(self) -> JSONResponse:
        if not self._complete:
            detail = f"the request did not arrive within {self._limits.seconds:g} s"
            return JSONResponse({"detail": detail}, 408, {"Connection": "close"})
        detail = f"there was no answer within {self._limits.seconds:g} s; try again later"
        return JSONResponse({"detail": detail}, 504)


def _too_large(limits: Limits) -> str:
    return f"the request is too large; an image may have {limits.image_bytes} bytes"
