"""Requests a second of a served artifact: python benchmarks/serving.py results/cpu/MODEL/int8.param ...

Each variant has a server of its own on loopback; they take turns, several rounds each, so that what else the
machine does concerns all. The figures over the first variant are medians over the rounds.

With --slow 200 it measures instead how many good requests are lost while one client keeps that many slow ones
open, half of them within headers, half within bodies; the exit status is 1 if more than 1 % are.
"""

import argparse
import http.client
import itertools
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
VARIANTS = {
    "1 worker": ["--workers", "1", "--max-batch", "1"],
    "1 worker, batches of 8": ["--workers", "1", "--max-batch", "8"],
    "2 workers": ["--workers", "2", "--max-batch", "1"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("artifacts", nargs="+", type=Path)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow", type=int, metavar="N", help="connections of a slow client")
    parser.add_argument("--slow-from", default="127.0.0.1", metavar="ADDRESS", help="of 127.0.0.0/8")
    parser.add_argument("--requests", type=int, default=1000, help="good ones, with --slow")
    options = parser.parse_args()
    images = [path.read_bytes() for path in sorted((PROJECT / "calib/heldout").glob("*.jpg"))]
    if options.slow:
        sys.exit(max(lost(artifact, images, options) for artifact in options.artifacts) > 0.01)
    compare(images, options)


def compare(images: list[bytes], options: argparse.Namespace) -> None:
    """Print the rates of all variants of each artifact."""
    print(f"{os.cpu_count()} cores, {options.clients} clients\nartifact, variant, requests/s, over the first")
    for artifact in options.artifacts:
        ports = {name: 8200 + place for place, name in enumerate(VARIANTS)}
        servers = [start(artifact, ports[name], VARIANTS[name]) for name in VARIANTS]
        try:
            for port in ports.values():
                await_ready(port)
            rounds = [
                {name: rate(ports[name], images, options.clients, options.seconds) for name in VARIANTS}
                for _ in range(options.rounds)
            ]
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                server.wait()
        first = next(iter(VARIANTS))
        for name in VARIANTS:
            ratio = statistics.median(each[name] / each[first] for each in rounds)
            print(f"{artifact}, {name}, {statistics.median(each[name] for each in rounds):.1f}, {ratio:.2f}")


def start(artifact: Path, port: int, options: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, PROJECT / "scripts/serve.py", artifact, "--port", str(port), "--timeout", "60"]
    return subprocess.Popen([*map(str, command), *options], stdout=subprocess.DEVNULL)


def await_ready(port: int) -> None:
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    sys.exit(f"the server on port {port} does not start")


def rate(port: int, images: list[bytes], clients: int, seconds: float) -> float:
    """Answers a second to clients of which each asks again as soon as it is answered."""
    end = time.monotonic() + seconds

    def ask(number: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for answered in itertools.count():
            image = images[(number + answered) % len(images)]
            connection.request("POST", "/predict?top=1", image, {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                sys.exit(f"the server answered {response.status}")
            if time.monotonic() > end:
                return answered
        raise AssertionError

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(ask, range(clients))) / seconds


def lost(artifact: Path, images: list[bytes], options: argparse.Namespace) -> float:
    """The share of good requests that is lost to a slow client."""
    server = start(artifact, 8200, ["--workers", "2", "--timeout", "10"])
    over = threading.Event()
    try:
        await_ready(8200)
        slow = threading.Thread(target=drip, args=(8200, options.slow, options.slow_from, over))
        slow.start()
        time.sleep(2)
        counted = ask_good(8200, images, options.clients, options.requests)
    finally:
        over.set()
        server.terminate()
        server.wait()
    share = 1 - counted["200"] / counted.total()
    answers = ", ".join(f"{number} x {status}" for status, number in counted.most_common())
    print(f"{artifact}, {options.slow} slow from {options.slow_from}: {answers}, {share:.2%} lost")
    return share


def drip(port: int, number: int, address: str, over: threading.Event) -> None:
    """Keep `number` connections on which a byte is sent each half second; anew what the server closes."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 50000\r\n"
    connections: dict[int, socket.socket] = {}
    while not over.wait(0.5):
        for place in range(number):
            try:
                if place not in connections:
                    source = (address, 0)
                    connections[place] = socket.create_connection(("127.0.0.1", port), 5, source)
                    connections[place].sendall(head + (b"\r\n" if place % 2 else b"X-Slow: "))
                connections[place].sendall(b"x")
            except OSError:
                connections.pop(place, socket.socket()).close()
    for connection in connections.values():
        connection.close()


def ask_good(port: int, images: list[bytes], clients: int, requests: int) -> Counter[str]:
    """How often each status, or kind of failure, came of `requests` whole requests; two minutes at most."""
    end = time.monotonic() + 120

    def ask(number: int) -> str:
        if time.monotonic() > end:
            return "not asked in time"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            image = images[number % len(images)]
            connection.request("POST", "/predict?top=1", image, {"Content-Type": "image/jpeg"})
            return str(connection.getresponse().status)
        except OSError as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(clients) as pool:
        return Counter(pool.map(ask, range(requests)))


if __name__ == "__main__":
    main()
