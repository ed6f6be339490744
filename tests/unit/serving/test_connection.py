"""Connections without a request: how long they may be there, and how many."""

import asyncio
from functools import partial

import uvicorn

from zoo.serving.connection import HEADER_BYTES, TimedProtocol
from zoo.serving.limits import Limits
from zoo.serving.places import Places

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def hello(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


def run(client, limits: Limits):
    """What `client(connect)` returns, where `connect` opens a connection to a server of these limits."""

    async def both():
        protocol = partial(TimedProtocol, limits=limits, places=Places(limits.arriving, limits.per_address))
        config = uvicorn.Config(hello, http=protocol, log_level="error", lifespan="off", port=0)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            return await asyncio.wait_for(client(partial(asyncio.open_connection, "127.0.0.1", port)), 30)
        finally:
            server.should_exit = True
            await serving

    return asyncio.run(both())


async def rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


def test_headers_that_do_not_arrive_in_time_end_the_connection():
    async def client(connect):
        answers = []
        for sent in (b"", HEAD):
            reader, writer = await connect()
            writer.write(sent)
            answers.append(await rest(reader))
        return answers

    silent, slow = run(client, Limits(header_seconds=0.2))
    for answer in (silent, slow):
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert answer.endswith(b'{"detail":"the headers did not arrive within 0.2 s"}')


def test_a_second_request_has_that_limit_too_and_a_quick_one_none():
    async def client(connect):
        reader, writer = await connect()
        for _ in range(3):
            writer.write(HEAD + b"\r\n")
            assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200 OK\r\n")
            await asyncio.sleep(0.3)  # longer than headers may take: it is not sending any
        for byte in HEAD[:4]:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.04)
        return await rest(reader)

    assert run(client, Limits(header_seconds=0.2)).startswith(b"HTTP/1.1 408 ")


def test_headers_have_a_size():
    async def client(connect):
        reader, writer = await connect()
        writer.write(HEAD + b"x: y\r\n" * (HEADER_BYTES // 6))
        return await rest(reader)

    assert run(client, Limits()).startswith(b"HTTP/1.1 431 ")


def test_the_longest_without_a_request_makes_room_for_a_new_one():
    async def client(connect):
        silent = [await connect() for _ in range(5)]
        reader, writer = await connect()
        writer.write(HEAD + b"\r\n")
        await reader.readuntil(b"hi")
        await asyncio.sleep(0.1)
        return [each.at_eof() or each.exception() is not None for each, _ in silent]

    assert run(client, Limits(arriving=9, per_address=3)) == [True, True, True, False, False]
