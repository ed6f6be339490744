"""Images as they are sent to a service."""

import io

from PIL import Image

from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.serving.limits import Limits

LIMITS = Limits(image_bytes=10_000, pixels=10_000, seconds=5, waiting=2)
FEED = Feed.image(Preprocess((8, 8), crop_pct=1.0))


def encoded(size: tuple[int, int] = (9, 8), mode: str = "RGB", kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()
