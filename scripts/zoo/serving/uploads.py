"""The image in a request: taken out of the body, and decoded with suspicion."""

import base64
import binascii
import io
import json
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request
from PIL import Image, UnidentifiedImageError
from PIL.Image import Image as PillowImage
from starlette.datastructures import FormData, UploadFile

from zoo.errors import ZooError
from zoo.images.decode import BROKEN, check_depth
from zoo.images.inputs import Feed
from zoo.images.preprocess import resized_size
from zoo.serving.limits import Limits

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
"""What is decoded; Pillow's other decoders are not exposed to strangers."""
DEFAULT_TOP = 5
_USAGE = (
    'send the bytes of an image as image/*, JSON {"image": "<base64>", "top": 5} as application/json, or a '
    "form with a file called image"
)


class Refused(ZooError):
    """An image that is not taken; `status` is HTTP's code for the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Upload:
    """The file in a request, and how many classes are wanted."""

    image: bytes
    top: int


async def read_upload(request: Request) -> Upload:
    """The upload of a request; HTTPException (4xx, one sentence) if there is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    top: Any = request.query_params.get("top", DEFAULT_TOP)
    if kind == "application/json":
        image, top = _from_json(await request.body(), top)
    elif kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=1) as form:
            image, top = await _from_form(form, top)
    elif kind.startswith("image/") or kind == "application/octet-stream":
        image = await request.body()
    else:
        raise HTTPException(415, f"the content type {kind or 'of nothing'} is not understood; {_USAGE}")
    if not image:
        raise HTTPException(400, f"the image is empty; {_USAGE}")
    return Upload(image, _top(top))


def _from_json(body: bytes, top: Any) -> tuple[bytes, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not valid JSON") from None
    if not isinstance(values, dict) or not isinstance(values.get("image"), str):
        raise HTTPException(400, f"the JSON has no text called image; {_USAGE}")
    if unknown := sorted(set(values) - {"image", "top"}):
        raise HTTPException(400, f"the JSON has the unknown key {unknown[0]!r}; {_USAGE}")
    try:
        return base64.b64decode(values["image"], validate=True), values.get("top", top)
    except (binascii.Error, ValueError):
        raise HTTPException(400, "image is not valid base64") from None


async def _from_form(form: FormData, top: Any) -> tuple[bytes, Any]:
    file = form.get("image")
    if not isinstance(file, UploadFile):
        raise HTTPException(400, f"the form has no file called image; {_USAGE}")
    return await file.read(), form.get("top", top)


def _top(given: Any) -> int:
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 10:
        given = int(given)
    if type(given) is not int or given < 1:
        raise HTTPException(400, "top must be a whole number from 1")
    return given


def decode(data: bytes, feed: Feed, limits: Limits) -> PillowImage:
    """The image of a file, not yet converted to the model's channels.

    Raises Refused if it is none, is broken, or would take more memory than `limits` grant.
    """
    if len(data) > limits.image_bytes:
        raise Refused(413, f"the image has {len(data)} bytes; the limit is {limits.image_bytes}")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:  # reads the header only
            _check_size(image.size, feed, limits)
            check_depth(image, "the image")
            image.load()
            return image
    except UnidentifiedImageError:
        raise Refused(400, f"the data is no image that can be read; send {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        raise Refused(413, f"the image has too many pixels; the limit is {limits.pixels}") from None
    except BROKEN as error:
        raise Refused(400, f"the image is damaged ({error})") from None
    except ZooError as error:
        raise error if isinstance(error, Refused) else Refused(400, str(error)) from None


def _check_size(size: tuple[int, int], feed: Feed, limits: Limits) -> None:
    width, height = size
    if width * height > limits.pixels:
        raise Refused(413, f"the image has {width}x{height} pixels; the limit is {limits.pixels} in all")
    # An image of 1 x 50000 pixels is small, and becomes 256 x 12800000 when its short edge is made 256.
    for record in feed.records:
        wide, high = resized_size(size, record)
        if wide * high > limits.pixels:
            raise Refused(413, f"the image is too elongated: {width}x{height} pixels become {wide}x{high}")
