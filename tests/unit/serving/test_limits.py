"""What a server takes."""

import base64
import json

import pytest

from zoo.serving.limits import Limits


@pytest.mark.parametrize("size", [1, 2, 3, 10_000, 1_000_003])
def test_a_request_may_be_as_large_as_the_largest_image_in_base64(size: int):
    body = json.dumps({"image": base64.b64encode(bytes(size)).decode(), "top": 1000})
    assert len(body) <= Limits(image_bytes=size).body_bytes < len(body) + 4200
