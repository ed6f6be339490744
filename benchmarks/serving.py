"""Requests a second of a served artifact: python benchmarks/serving.py results/cpu/MODEL/int8.param ...

Each variant has a server of its own on loopback; they take turns, several rounds each, so that what else the
machine does concerns all. The figures over the first variant are medians over the rounds.
"""

import argparse
import http.client
import itertools
import os
import statistics
import subprocess
import sys
import time
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
    options = parser.parse_args()
    images = [path.read_bytes() for path in sorted((PROJECT / "calib/heldout").glob("*.jpg"))]
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


if __name__ == "__main__":
    main()
