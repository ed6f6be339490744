"""The HTTP service, started as a user starts it, under load and with bad input."""

import base64
import http.client
import io
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from samples.artifacts import make_tree
from samples.flexible_onnx import save_flexible
from zoo.predict import Predictor

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/serve.py"
PATIENCE = 120  # seconds, for a machine that does other things
LIMIT = 4  # seconds, where a test waits for them to pass


@dataclass
class Service:
    """A running service, and a client of it."""

    process: subprocess.Popen[str]
    port: int

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def predict(self, body: bytes, kind: str = "image/png", query: str = "") -> tuple[int, dict[str, Any]]:
        status, answer, _ = self.ask("POST", f"/predict{query}", body, {"Content-Type": kind})
        return status, json.loads(answer)

    def health(self) -> int:
        try:
            return self.ask("GET", "/health")[0]
        except OSError:
            return 0

    def alive(self) -> dict[str, int]:
        return json.loads(self.ask("GET", "/health")[1])

    def await_health(self, wanted: int) -> None:
        end = time.monotonic() + PATIENCE
        while self.health() != wanted:
            assert time.monotonic() < end and self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.05)

    def await_alive(self, wanted: int) -> None:
        end = time.monotonic() + PATIENCE
        while self.alive()["alive"] != wanted:
            assert time.monotonic() < end
            time.sleep(0.05)

    def metrics(self) -> dict[str, float]:
        text = self.ask("GET", "/metrics")[1].decode()
        return {
            name: float(number) for name, number in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.MULTILINE)
        }

    def workers(self) -> list[psutil.Process]:
        """The processes that compute: those of LitServe's that were spawned, but for Python's own tracker."""
        children = psutil.Process(self.process.pid).children()
        return [each for each in children if "spawn_main" in " ".join(each.cmdline())]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit status after a signal; asserts that no process stays."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        assert not psutil.wait_procs(family, 10)[1]
        return status


def start(file: Path, *options: object) -> Service:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, SCRIPT, file, "--port", port, *options]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    service = Service(process, port)
    service.await_health(200)
    return service


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="module")
def service(tree: Path) -> Iterator[Service]:
    """ncnn in two workers, which must be one after the tests as before."""
    limits = ("--timeout", PATIENCE, "--max-image-mb", 0.1, "--max-pixels", 100_000)
    running = start(tree, "--workers", 2, *limits)
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0
    assert "Traceback" not in running.process.stderr.read()


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes several images at once."""
    return save_flexible(make_tree(tmp_path_factory.mktemp("onnx")).parent, "N")


@pytest.fixture(scope="module")
def flexible(onnx: Path) -> Iterator[Service]:
    """That model in one worker that takes four images at once, with tight limits."""
    running = start(onnx, "--max-batch", 4, "--timeout", LIMIT, "--max-waiting", 8)
    yield running
    if running.process.poll() is None:
        assert running.stop(signal.SIGINT) == 0


def pictures(count: int) -> list[bytes]:
    """Different images, as PNG files."""
    generator = np.random.default_rng(7)
    files = []
    for _ in range(count):
        file = io.BytesIO()
        Image.fromarray(generator.integers(0, 256, (10, 12, 3), np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
    return files


def expected(path: Path, files: list[bytes], top: int) -> list[list[dict[str, Any]]]:
    images = [Image.open(io.BytesIO(each)) for each in files]
    return [[each.to_dict() for each in found] for found in Predictor.open(path)(images, top)]


def test_many_at_once_get_the_predictors_answers_and_every_request_is_counted(service: Service, tree: Path):
    files = pictures(25)
    wanted = expected(tree, files, 3)
    before = service.metrics().get('zoo_requests_total{status="200"}', 0)

    def client(number: int) -> None:
        for place in np.random.default_rng(number).permutation(25):
            text = base64.b64encode(files[place]).decode()
            status, answer = (
                service.predict(files[place], query="?top=3")
                if number % 2
                else service.predict(json.dumps({"image": text, "top": 3}).encode(), "application/json")
            )
            assert status == 200
            assert answer == {
                "model": "small",
                "artifact": "fp32",
                "output": "logits",
                "predictions": wanted[place],
            }

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(client, range(8)))
    after = service.metrics()
    assert after['zoo_requests_total{status="200"}'] - before == 200
    assert after["zoo_batch_images_sum"] == after["zoo_batch_images_count"], "ncnn takes one image at a time"
    assert after["zoo_requests_in_flight"] == 0


def test_bad_input_is_refused_with_one_sentence_and_does_no_harm(service: Service):
    good = pictures(1)[0]
    large = io.BytesIO()
    Image.new("L", (400, 400)).save(large, "PNG")
    deep = io.BytesIO()
    Image.new("I;16", (9, 9)).save(deep, "PNG")
    cases = [
        (415, good, "text/plain", ""),
        (400, b"", "image/png", ""),
        (400, b"not an image", "image/jpeg", ""),
        (400, good[: len(good) // 2], "image/png", ""),
        (400, deep.getvalue(), "image/png", ""),
        (400, good, "image/png", "?top=none"),
        (400, b"{", "application/json", ""),
        (400, b'{"image": "%%"}', "application/json", ""),
        (400, b"--x--", "multipart/form-data; boundary=x", ""),
        (413, large.getvalue(), "image/png", ""),
        (413, bytes(110_000), "image/png", ""),
        (413, bytes(300_000), "image/png", ""),
    ]
    before = service.metrics()
    for status, body, kind, query in cases:
        found, answer = service.predict(body, kind, query)
        assert found == status, (kind, answer)
        assert list(answer) == ["detail"] and "\n" not in answer["detail"].strip()
    refused = tries = 0
    while not refused and tries < 20:  # the service may close before a client has sent all
        tries += 1
        with suppress(BrokenPipeError, ConnectionResetError):
            chunks = iter([bytes(50_000)] * 6)
            refused = service.ask("POST", "/predict", chunks, {"Content-Type": "image/png"})[0]
    assert refused == 413
    assert service.ask("GET", "/predict")[0] == 405
    after = service.metrics()
    counted = Counter(str(status) for status, *_ in cases) + Counter({"413": tries, "405": 1})
    for status, number in counted.items():
        key = f'zoo_requests_total{{status="{status}"}}'
        assert after[key] - before.get(key, 0) == number, status
    assert service.predict(good)[0] == 200


def test_it_tells_what_it_is(service: Service, tree: Path):
    from zoo.jobs.files import sha256

    status, answer, _ = service.ask("GET", "/info")
    model = json.loads(answer)["model"]
    assert status == 200
    assert (model["model"], model["artifact"], model["device"]) == ("small", "fp32", "cpu")
    assert model["sha256"] == sha256(tree.with_suffix(".bin"))
    assert model["classes"] == model["labels"] == 5 and model["max_batch"] == 1


def test_a_worker_that_dies_is_replaced_and_health_says_so(service: Service):
    first, second = service.workers()
    first.send_signal(signal.SIGSEGV)
    second.send_signal(signal.SIGSEGV)
    service.await_health(503)
    service.await_health(200)
    assert not {first.pid, second.pid} & {worker.pid for worker in service.workers()}
    assert service.predict(pictures(1)[0])[0] == 200


def test_health_tells_how_many_workers_are_alive(service: Service):
    service.await_alive(2)
    first, _ = service.workers()
    first.suspend()  # what the one that listens sees at once, before anybody replaces it
    try:
        assert (service.health(), service.alive()) == (200, {"alive": 1, "workers": 2})
    finally:
        first.resume()
    assert service.alive() == {"alive": 2, "workers": 2}


def test_an_idle_worker_that_is_killed_takes_no_request_with_it(service: Service):
    image = pictures(1)[0]
    for _ in range(3):
        victim, _ = service.workers()
        time.sleep(0.2)  # it is waiting for a request by now
        victim.kill()
        start = time.monotonic()
        assert [service.predict(image)[0] for _ in range(4)] == [200] * 4
        assert time.monotonic() - start < PATIENCE / 2
        assert psutil.wait_procs([victim], PATIENCE)[0]  # while it dies, it is there still
        service.await_alive(2)


def test_slow_clients_cost_no_good_request(service: Service):
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 9000\r\n"
    slow = []
    try:
        for number in range(300):  # with half of the headers, and with half of the body
            slow.append(socket.create_connection(("127.0.0.1", service.port)))
            slow[-1].sendall(head + (b"\r\nhalf" if number % 2 else b""))
        image = pictures(1)[0]
        assert Counter(service.predict(image)[0] for _ in range(30)) == {200: 30}
        assert service.health() == 200
    finally:
        for connection in slow:
            connection.close()


def test_requests_that_wait_are_computed_together_where_the_model_takes_them(flexible: Service, onnx: Path):
    service, files = flexible, pictures(7)
    wanted = [each[0] for each in expected(onnx, files, 1)]
    (worker,) = service.workers()
    worker.suspend()  # so that requests wait
    with ThreadPoolExecutor(8) as pool:
        broken = pool.submit(service.predict, b"not an image")
        answers = [pool.submit(service.predict, each, query="?top=1") for each in files]
        end = time.monotonic() + LIMIT
        while service.metrics()["zoo_requests_in_flight"] < 8 and time.monotonic() < end:
            time.sleep(0.01)
        refused = service.predict(files[0])[0]
        worker.resume()
    statuses = {future.result()[0] for future in answers}
    if statuses == {200}:  # a machine with much else to do can be late
        assert broken.result()[0] == 400 and refused == 503
        found = [future.result()[1]["predictions"][0] for future in answers]
        assert [each["index"] for each in found] == [each["index"] for each in wanted]
        scores = [[each["score"] for each in group] for group in (found, wanted)]
        np.testing.assert_allclose(*scores, rtol=1e-5)
        metrics = service.metrics()
        assert metrics["zoo_batch_images_sum"] == 8 and metrics["zoo_batch_images_count"] == 2
    assert statuses <= {200, 504}
    worker.suspend()  # one that hangs: the client is not kept, and what it asked is not computed any more
    status, answer = service.predict(files[0])
    assert status == 504 and answer["detail"] == f"there was no answer within {LIMIT} s; try again later"
    worker.resume()
    assert service.predict(files[0])[0] == 200


def test_when_the_process_that_listens_dies_all_end(flexible: Service):
    service = flexible
    family = psutil.Process(service.process.pid).children(recursive=True)
    ours = [each for each in family if str(SCRIPT) in each.cmdline()]  # LitServe's manager, then the listener
    listener = max(ours, key=psutil.Process.create_time)
    listener.kill()
    assert service.process.wait(PATIENCE) == 1
    assert "error: the process that listens was killed" in service.process.stderr.read()
    assert not psutil.wait_procs(family, 10)[1]


def test_what_cannot_be_served_is_one_sentence(tree: Path, tmp_path: Path, service: Service):
    broken = make_tree(tmp_path)
    broken.with_suffix(".bin").write_bytes(b"short")
    (tmp_path / "old.json").write_text('{"name": "small"}')
    for arguments, fault in (
        ([broken], "error: "),
        ([tmp_path / "none.param"], "no artifact has a file of this name"),
        ([tree, "--card", tmp_path / "old.json"], "old.json: no model card as this version"),
        ([tree, "--port", service.port], f"cannot listen on 127.0.0.1 port {service.port}"),
        ([tree, "--port", 80], "80 is not in the range 1024<=x<=65535"),
    ):
        done = subprocess.run(
            [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode in (1, 2) and fault in done.stderr and "Traceback" not in done.stderr
