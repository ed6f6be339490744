"""What stands before the model: limits on size, time and number, and the figures about them."""

import asyncio
import json

import pytest
from prometheus_client import generate_latest

from samples.uploads import LIMITS
from zoo.serving.guard import BATCH_HEADER, Guard, Metrics
from zoo.serving.limits import Limits


class Client:
    """One request to the guard, in the words of ASGI."""

    def __init__(
        self,
        guard: Guard,
        *chunks: bytes | None,
        length: int | None = None,
        path: str = "/predict",
        address: str = "192.0.2.1",
    ) -> None:
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        self.scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        self.scope["client"] = (address, 5000)
        self.chunks, self.guard, self.sent = list(chunks), guard, []

    async def __call__(self) -> "Client":
        await self.guard(self.scope, self.receive, self.send)
        return self

    async def receive(self) -> dict[str, object]:
        if not self.chunks:
            await asyncio.sleep(60)
        body = self.chunks.pop(0)
        if body is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": bool(self.chunks)}

    async def send(self, message: dict[str, object]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def detail(self) -> str:
        return json.loads(self.sent[1]["body"])["detail"]


def guarded(app, limits: Limits = LIMITS) -> tuple[Guard, Metrics]:
    metrics = Metrics({"model": "small"})
    return Guard(app, limits, metrics), metrics


async def read_all(scope, receive, send) -> None:
    """Reads a request and says that it was well."""
    while (await receive())["more_body"]:
        pass
    headers = [(BATCH_HEADER.encode(), b"3 0.25"), (b"x-kept", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"well"})


async def forgets(scope, receive, send) -> None:
    """Reads a request and never answers."""
    while (await receive())["more_body"]:
        pass
    await asyncio.sleep(60)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_an_answer_passes_and_is_counted_with_its_batch():
    guard, metrics = guarded(read_all)
    client = asyncio.run(Client(guard, b"a", b"b")())
    assert client.status == 200 and client.sent[0]["headers"] == [(b"x-kept", b"1")]
    assert value(metrics, "zoo_requests_total", status="200") == 1
    assert value(metrics, "zoo_batch_images_sum") == 3 and value(metrics, "zoo_batch_images_count") == 1
    assert value(metrics, "zoo_batch_seconds_sum") == 0.25
    assert value(metrics, "zoo_request_seconds_count") == 1
    assert value(metrics, "zoo_requests_in_flight") == 0
    assert b'zoo_requests_total{status="200"} 1.0' in generate_latest(metrics.registry)


def test_other_paths_are_neither_guarded_nor_counted():
    guard, metrics = guarded(read_all)
    asyncio.run(Client(guard, bytes(LIMITS.body_bytes + 1), path="/health")())
    assert value(metrics, "zoo_requests_total", status="200") is None


def test_a_body_that_says_that_it_is_too_large_is_not_read():
    guard, metrics = guarded(read_all)
    client = asyncio.run(Client(guard, b"unread", length=LIMITS.body_bytes + 1)())
    assert client.status == 413 and client.detail.startswith("the request is too large")
    assert client.chunks == [b"unread"]
    assert value(metrics, "zoo_requests_total", status="413") == 1


def test_a_body_that_turns_out_too_large_is_cut_off():
    guard, _ = guarded(read_all)
    client = Client(guard, *[bytes(1000)] * 100)
    asyncio.run(client())
    assert client.status == 413 and client.detail.startswith("the request is too large")
    assert len(client.chunks) > 80


def test_a_connection_that_ends_within_a_request_is_no_fault_of_the_server():
    guard, _ = guarded(read_all)
    client = asyncio.run(Client(guard, b"a", None)())
    assert client.status == 400 and client.detail == "the connection ended within the request"


@pytest.mark.parametrize(
    ("chunks", "status", "fault"),
    [
        ([b"all"], 504, "there was no answer within 0.05 s"),
        ([b"a", b""], 408, "did not arrive within 0.05 s"),
    ],
)
def test_there_is_a_time_limit_on_both_ways(chunks, status, fault):
    guard, metrics = guarded(forgets, Limits(seconds=0.05))
    client = Client(guard, *chunks)
    if status == 408:
        client.chunks.pop()
        client.receive = half(client.receive)
    asyncio.run(client())
    assert client.status == status and fault in client.detail
    assert value(metrics, "zoo_requests_total", status=str(status)) == 1
    assert value(metrics, "zoo_requests_in_flight") == 0


def half(receive):
    """The first part of a body of which the rest never comes."""

    async def receive_half() -> dict[str, object]:
        return await receive() | {"more_body": True}

    return receive_half


def test_more_requests_than_may_wait_are_sent_away_at_once():
    async def load() -> list[Client]:
        guard, _ = guarded(forgets, Limits(seconds=0.2, waiting=2))
        return await asyncio.gather(*(Client(guard, b"a")() for _ in range(5)))

    clients = asyncio.run(load())
    assert sorted(client.status for client in clients) == [503, 503, 503, 504, 504]
    refused = next(client for client in clients if client.status == 503)
    assert refused.detail == "2 requests are waiting already; try again later"
    assert (b"retry-after", b"1") in refused.sent[0]["headers"]


def test_requests_that_have_not_arrived_keep_no_others_away():
    """Slow bodies of one client once took every place, and 158 of 161 good requests were refused."""

    async def load() -> tuple[list[Client], list[Client]]:
        guard, _ = guarded(read_all, Limits(seconds=0.3, waiting=2, arriving=8, per_address=4))
        slow = [Client(guard, b"a", b"") for _ in range(30)]
        for client in slow:
            client.chunks.pop()
            client.receive = half(client.receive)
        slow_ones = [asyncio.create_task(client()) for client in slow]
        await asyncio.sleep(0.02)
        good = [await Client(guard, b"a", b"b", address=address)() for address in ("192.0.2.1", "192.0.2.2")]
        await asyncio.gather(*slow_ones)
        return good, slow

    good, slow = asyncio.run(load())
    assert [client.status for client in good] == [200, 200]
    assert {client.status for client in slow} == {408}
    gave_up = sum("others that came needed its place" in client.detail for client in slow)
    assert gave_up == 27, "all but four, of which one gave its place to the good one of the same address"


def test_one_client_cannot_wait_for_all_answers():
    async def load() -> list[Client]:
        guard, _ = guarded(forgets, Limits(seconds=0.2, waiting=4, per_address=2))
        addresses = ["192.0.2.1"] * 3 + ["192.0.2.2"]
        return await asyncio.gather(*(Client(guard, b"a", address=address)() for address in addresses))

    clients = asyncio.run(load())
    assert [client.status for client in clients] == [504, 504, 503, 504]
    assert clients[2].detail == "2 requests of 192.0.2.1 are waiting already; try again later"
