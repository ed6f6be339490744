"""Parts of the HTTP service, each by itself; `test_service.py` starts the real one."""

import asyncio
import base64
import io
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest
from fastapi import Request
from PIL import Image
from prometheus_client import generate_latest
from starlette.exceptions import HTTPException

from samples.artifacts import make_tree
from samples.flexible_onnx import save_flexible
from samples.ncnn import chain
from zoo.config.card import Output
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.predict import Predictor
from zoo.runners.artifact import find_artifact
from zoo.serving.guard import BATCH_HEADER, Guard, Metrics
from zoo.serving.limits import Limits
from zoo.serving.trial import Probed, batching_gain
from zoo.serving.uploads import Refused, Upload, decode, read_upload
from zoo.serving.worker import PredictAPI, ending_after

LIMITS = Limits(image_bytes=10_000, pixels=10_000, seconds=5, waiting=2)
FEED = Feed.image(Preprocess((8, 8), crop_pct=1.0))


def encoded(size: tuple[int, int] = (9, 8), mode: str = "RGB", kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


# Uploads


def upload(body: bytes, kind: str, query: str = "") -> Upload:
    """What `read_upload` makes of a request."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(b"content-type", kind.encode())],
        "query_string": query.encode(),
        "app": None,  # by which starlette knows that it may answer with an HTTPException
    }
    return asyncio.run(read_upload(Request(scope, receive)))


def form(name: str, data: bytes, *fields: tuple[str, str]) -> bytes:
    parts = [f'name="{name}"; filename="a.png"\r\n\r\n'.encode() + data]
    parts += [f'name="{key}"\r\n\r\n{value}'.encode() for key, value in fields]
    return (
        b"".join(b"--x\r\nContent-Disposition: form-data; " + each + b"\r\n" for each in parts) + b"--x--\r\n"
    )


FORM = "multipart/form-data; boundary=x"


def as_json(**values: object) -> bytes:
    return json.dumps(values).encode()


def test_an_image_comes_as_bytes_as_json_or_in_a_form():
    text = base64.b64encode(b"abc").decode()
    assert upload(b"abc", "image/png") == Upload(b"abc", 5)
    assert upload(b"abc", "application/octet-stream", "top=3") == Upload(b"abc", 3)
    assert upload(as_json(image=text), "application/json; charset=utf-8") == Upload(b"abc", 5)
    assert upload(as_json(image=text, top=2), "Application/JSON", "top=3") == Upload(b"abc", 2)
    assert upload(form("image", b"abc"), FORM) == Upload(b"abc", 5)
    assert upload(form("image", b"abc", ("top", "1")), FORM) == Upload(b"abc", 1)


@pytest.mark.parametrize(
    ("body", "kind", "query", "status", "fault"),
    [
        (b"abc", "text/plain", "", 415, "the content type text/plain is not understood; send"),
        (b"abc", "", "", 415, "the content type of nothing is not understood"),
        (b"", "image/png", "", 400, "the image is empty"),
        (b"{", "application/json", "", 400, "the body is not valid JSON"),
        (b"\xff\xfe", "application/json", "", 400, "the body is not valid JSON"),
        (b"[" * 100_000, "application/json", "", 400, "the body is not valid JSON"),
        (b"[]", "application/json", "", 400, "the JSON has no text called image"),
        (as_json(image=3), "application/json", "", 400, "the JSON has no text called image"),
        (as_json(image="YWJj", tops=1), "application/json", "", 400, "unknown key 'tops'"),
        (as_json(image="a%b"), "application/json", "", 400, "image is not valid base64"),
        (as_json(image="YWJ"), "application/json", "", 400, "image is not valid base64"),
        (as_json(image="ü"), "application/json", "", 400, "image is not valid base64"),
        (as_json(image=""), "application/json", "", 400, "the image is empty"),
        (as_json(image="YWJj", top=0), "application/json", "", 400, "top must be a whole number from 1"),
        (as_json(image="YWJj", top=True), "application/json", "", 400, "top must be"),
        (as_json(image="YWJj", top=1.5), "application/json", "", 400, "top must be"),
        (as_json(image="YWJj", top=[1]), "application/json", "", 400, "top must be"),
        (b"abc", "image/png", "top=-1", 400, "top must be"),
        (b"abc", "image/png", "top=" + "9" * 5000, 400, "top must be"),
        (form("picture", b"abc"), FORM, "", 400, "the form has no file called image"),
        (form("image", b"abc", ("a", "1"), ("b", "2")), FORM, "", 400, "Too many fields"),
        (b"abc", FORM, "", 400, ""),
        (b"abc", "multipart/form-data", "", 400, ""),
    ],
)
def test_what_holds_no_image_is_refused_with_a_sentence(body, kind, query, status, fault):
    with pytest.raises(HTTPException) as caught:
        upload(body, kind, query)
    assert caught.value.status_code == status
    assert fault in caught.value.detail and caught.value.detail


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK"])
def test_images_of_any_colours_are_decoded(mode: str):
    data = encoded(mode=mode, kind="JPEG" if mode == "CMYK" else "PNG")
    assert decode(data, FEED, LIMITS).size == (9, 8)


@pytest.mark.parametrize("kind", ["BMP", "WEBP", "JPEG", "PNG"])
def test_a_truncated_image_is_refused(kind: str):
    data = encoded((40, 40), kind=kind)
    with pytest.raises(Refused) as caught:
        decode(data[: len(data) * 2 // 3], FEED, LIMITS)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("data", "status", "fault"),
    [
        (b"", 400, "no image that can be read; send JPEG, PNG, WEBP, BMP"),
        (b"a text, not an image", 400, "no image that can be read"),
        (encoded(kind="TIFF"), 400, "no image that can be read"),
        (encoded(kind="GIF"), 400, "no image that can be read"),
        (encoded(mode="I;16"), 400, "grayscale of more than 8 bits"),
        (bytes(10_001), 413, "the image has 10001 bytes; the limit is 10000"),
        (encoded((101, 100)), 413, "the image has 101x100 pixels; the limit is 10000 in all"),
        (encoded((1, 1000)), 413, "too elongated: 1x1000 pixels become 8x8000"),
    ],
)
def test_an_image_that_is_none_or_too_large_is_refused(data: bytes, status: int, fault: str):
    with pytest.raises(Refused, match=fault) as caught:
        decode(data, FEED, LIMITS)
    assert caught.value.status == status


def test_the_pixels_that_a_small_file_unpacks_to_are_counted_before_they_are_unpacked():
    data = encoded((20_000, 20_000), mode="1")
    limits = Limits(image_bytes=len(data))
    start = time.process_time()
    with pytest.raises(Refused, match="too many pixels; the limit is 50000000") as caught:
        decode(data, FEED, limits)
    assert caught.value.status == 413 and time.process_time() - start < 0.5


# Guard


class Client:
    """One request to the guard, in the words of ASGI."""

    def __init__(
        self, guard: Guard, *chunks: bytes, length: int | None = None, path: str = "/predict"
    ) -> None:
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        self.scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
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
    with pytest.raises(HTTPException, match="the request is too large"):  # the framework answers with it
        asyncio.run(client())
    assert len(client.chunks) > 80


def test_a_connection_that_ends_within_a_request_is_no_fault_of_the_server():
    guard, _ = guarded(read_all)
    with pytest.raises(HTTPException, match="the connection ended within the request") as caught:
        asyncio.run(Client(guard, b"a", None)())
    assert caught.value.status_code == 400


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


# Workers


def sleep_guarded(seconds: float) -> None:
    with ending_after(0.2):
        pass
    with ending_after(30 if seconds < 1 else 0.2):
        time.sleep(seconds)


def test_a_worker_ends_when_a_computation_takes_too_long_and_only_then():
    context = multiprocessing.get_context("fork")
    for seconds, code in ((0.5, 0), (60, 1)):
        process = context.Process(target=sleep_guarded, args=(seconds,))
        process.start()
        process.join(30)
        assert process.exitcode == code


def answers(path: Path, *images: bytes) -> list[tuple[int, dict]]:
    """Status and content of what a worker answers to uploads that it takes together."""
    artifact, card = find_artifact(path)
    api = PredictAPI(artifact, card, 1, LIMITS, max_batch=8)
    api._predictor = Predictor(artifact, card)
    found = api.predict([Upload(image, 2) for image in images])
    assert [BATCH_HEADER in each.headers for each in found] == [True] + [False] * (len(images) - 1)
    return [(each.status_code, json.loads(each.body)) for each in found]


def test_an_image_that_is_bad_spoils_its_own_answer_only(tmp_path: Path):
    path = make_tree(tmp_path)
    image = encoded((9, 8))
    (first, said), (second, other), (third, same) = answers(path, image, b"bad", image)
    assert (first, second, third) == (200, 400, 200)
    assert said == same and list(other) == ["detail"]
    wanted = [each.to_dict() for each in Predictor.open(path)(Image.new("RGB", (9, 8)), top=2)]
    assert said == {"model": "small", "artifact": "fp32", "predictions": wanted}


def test_what_is_no_classifier_answers_with_its_outputs(tmp_path: Path):
    outputs = (Output("pooled", (3, 4, 4)),)
    path = make_tree(
        tmp_path, chain("Pooling", {0: 0, 1: 2, 2: 2}), task="other", outputs=outputs, labels=None
    )
    ((status, answer),) = answers(path, encoded((8, 8)))
    predictor = Predictor.open(path)
    (wanted,) = predictor.outputs(predictor.inputs(Image.new("RGB", (8, 8))))
    assert status == 200
    (output,) = answer["outputs"]
    assert (output["name"], output["dtype"]) == ("pooled", "float32")
    data = np.frombuffer(base64.b64decode(output["data"]), "<f4").reshape(output["shape"])
    np.testing.assert_array_equal(data, wanted)


def test_an_artifact_that_fails_is_the_servers_fault(tmp_path: Path):
    path = make_tree(tmp_path, labels=("too", "few"))
    ((status, answer),) = answers(path, encoded())
    assert status == 500 and "5 outputs, and its card names 2" in answer["detail"]


def test_a_trial_finds_whether_batches_can_be_had(tmp_path: Path):
    fixed, flexible = (Predictor.open(save_flexible(make_tree(tmp_path / n).parent, n)) for n in ("1", "N"))
    assert batching_gain(fixed) is None
    assert batching_gain(flexible) > 0


def test_a_model_whose_answers_depend_on_the_rest_of_the_batch_takes_none(tmp_path: Path):
    class Mixing(Predictor):
        def batch(self, many):
            return [(output[0] + len(many),) for output in super().batch(many)]

    path = save_flexible(make_tree(tmp_path).parent, "N")
    predictor = Mixing.open(path)
    assert predictor.takes_batches and batching_gain(predictor) is None


@pytest.mark.parametrize(("gain", "images"), [(None, 1), (0.7, 1), (1.05, 1), (1.2, 8)])
def test_images_are_taken_together_where_that_pays(gain: float | None, images: int):
    assert Probed({}, gain).max_batch == images


def test_requests_that_wait_are_taken_together_and_an_empty_queue_is_waited_for():
    from queue import Queue

    from zoo.serving.loop import PatientLoop

    class Api:
        max_batch_size, batch_timeout, request_timeout, stream = 3, 0, 5, False

    queue: Queue = Queue()
    for number in range(4):
        queue.put((0, f"u{number}", time.monotonic() - (10 if number == 1 else 0), number))
    loop = PatientLoop()
    batch, late = loop.get_batch_requests(Api, queue, None)
    assert [each[2] for each in batch] == [0, 2, 3] and late == [(0, "u1")]
    start = time.process_time()
    assert loop.get_batch_requests(Api, queue, None) == ([], [])
    assert time.process_time() - start < 0.5, "it sleeps while it waits"


def test_pixels_reach_the_model_as_a_file_would(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    predictor = Predictor.open(make_tree(tmp_path))
    decoded = decode((tmp_path / "a.png").read_bytes(), predictor.feed, LIMITS)
    np.testing.assert_array_equal(predictor.inputs(decoded)[0], predictor.inputs(tmp_path / "a.png")[0])
