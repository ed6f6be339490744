"""The image in a request: found in every form it may come in, and refused where it is none."""

import asyncio
import base64
import json
import time
from pathlib import Path

import numpy as np
import pytest
from fastapi import Request
from PIL import Image
from starlette.exceptions import HTTPException

from samples.artifacts import make_tree
from samples.uploads import FEED, LIMITS, encoded
from zoo.predict import Predictor
from zoo.serving.limits import Limits
from zoo.serving.uploads import Refused, Upload, decode, read_upload


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


def test_pixels_reach_the_model_as_a_file_would(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    predictor = Predictor.open(make_tree(tmp_path))
    decoded = decode((tmp_path / "a.png").read_bytes(), predictor.feed, LIMITS)
    np.testing.assert_array_equal(predictor.inputs(decoded)[0], predictor.inputs(tmp_path / "a.png")[0])
