"""The preprocessing record: one per model; whatever feeds the model an image derives from it.

Geometry and arithmetic follow timm's evaluation transform, `timm.data.create_transform(is_training=False)`
(read in timm 1.0.31, `data/transforms_factory.py` and `data/transforms.py`, and in torchvision 0.29). numpy
and Pillow are imported by the functions that touch pixels, because the record itself is also read by code
that must start at once.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

CROP_MODES = ("center", "squash", "border")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")
CHANNELS = {"RGB": 3, "BGR": 3, "GRAY": 1, "RGBA": 4}
"""The channel orders that an image can be prepared in, and how many channels each has."""
_MODES = {"GRAY": "L", "RGBA": "RGBA"}  # Pillow's, where it is not RGB
_CHOICES: dict[str, Sequence[str]] = {
    "crop_mode": CROP_MODES,
    "interpolation": INTERPOLATIONS,
    "channels": tuple(CHANNELS),
}


@dataclass(frozen=True)
class Preprocess:
    """From an RGB image to a model's input; the defaults are those of `timm.data.resolve_data_config`.

    size: (height, width) of the input in pixels.
    crop_pct: input size over the size that the image is resized to before the crop, above 0 and at most 1.
    crop_mode: `center` keeps the aspect ratio and cuts what is too long, `squash` gives it up, `border` keeps
        the whole image and pads with the mean colour.
    interpolation: timm's name of Pillow's resampling filter.
    mean, std: per channel, of values scaled to 0..1, in the order of `channels`.
    channels: which ones the network expects, in which order: `RGB`, `BGR`, `GRAY` (Pillow's "L": luma by
        ITU-R 601) or `RGBA`.

    Raises ZooError, when it is made, for a value that makes no sense.
    """

    size: tuple[int, int] = (224, 224)
    crop_pct: float = 0.875
    crop_mode: str = "center"
    interpolation: str = "bicubic"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    channels: str = "RGB"

    def __post_init__(self) -> None:
        for key, known in _CHOICES.items():
            if getattr(self, key) not in known:
                given = getattr(self, key)
                raise ZooError(f"preprocessing: {key} must be one of {', '.join(known)}, not {given!r}")
        channels = CHANNELS[self.channels]
        for key, count in (("size", 2), ("mean", channels), ("std", channels)):
            object.__setattr__(self, key, _numbers(key, getattr(self, key), count))
        if any(type(edge) is not int or edge < 1 for edge in self.size):
            raise ZooError(f"preprocessing: size must be two whole numbers of pixels, not {list(self.size)}")
        if any(value <= 0 for value in self.std):
            raise ZooError(f"preprocessing: std must be above 0, not {list(self.std)}")
        if type(self.crop_pct) not in (int, float) or not 0 < self.crop_pct <= 1:
            raise ZooError(f"preprocessing: crop_pct must be above 0 and at most 1, not {self.crop_pct!r}")

    @property
    def scaled_size(self) -> tuple[int, int]:
        """(height, width) that the image is resized towards before the crop."""
        return math.floor(self.size[0] / self.crop_pct), math.floor(self.size[1] / self.crop_pct)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values, for JSON and for `from_dict`."""
        values = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocess":
        """The record from plain values; what is absent takes its default. `size` may be one number.

        Raises ZooError for an unknown key or a value that makes no sense.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise ZooError(f"preprocessing: unknown {', '.join(unknown)}; known are {', '.join(known)}")
        arguments = dict(values)
        if isinstance(arguments.get("size"), int):
            arguments["size"] = (arguments["size"], arguments["size"])
        return cls(**arguments)


def _numbers(key: str, values: object, count: int) -> tuple[float, ...]:
    """`values` as a tuple; ZooError unless they are `count` finite numbers."""
    if isinstance(values, Sequence) and not isinstance(values, str) and len(values) == count:
        numbers = [
            value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)
        ]
        if len(numbers) == count and all(abs(value) <= sys.float_info.max for value in numbers):
            return tuple(numbers)
    raise ZooError(f"preprocessing: {key} must be {count} finite numbers, not {values!r}")


def from_timm_config(config: Mapping[str, Any]) -> Preprocess:
    """The record for a timm `pretrained_cfg` dict or the dict that `resolve_data_config` returns.

    Absent and empty values take timm's defaults. Raises ZooError for a value that makes no sense.
    """
    input_size = tuple(config.get("input_size") or (3, 224, 224))
    if len(input_size) != 3:
        raise ZooError(f"preprocessing: input_size must be (channels, height, width), not {input_size}")
    keys = ("crop_pct", "crop_mode", "interpolation", "mean", "std")
    return Preprocess(size=input_size[1:], **{key: config[key] for key in keys if config.get(key)})


def timm_config(record: Preprocess) -> dict[str, Any]:
    """Arguments for `timm.data.create_transform`; also valid as the `args` of `resolve_data_config`.

    Raises ZooError for a record of other channels than RGB, which timm cannot express.
    """
    if record.channels != "RGB":
        raise ZooError(f"preprocessing: timm's transform gives RGB only; this model wants {record.channels}")
    return {
        "input_size": (3, *record.size),
        "interpolation": record.interpolation,
        "mean": record.mean,
        "std": record.std,
        "crop_pct": record.crop_pct,
        "crop_mode": record.crop_mode,
    }


def mean_norm(record: Preprocess) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """ncnn's `mean_vals` and `norm_vals` for `Mat::substract_mean_normalize` on pixels of 0..255.

    mean_vals = 255 mean and norm_vals = 1 / (255 std), in the order of `record.channels`.
    """
    return tuple(255 * value for value in record.mean), tuple(1 / (255 * value) for value in record.std)


def prepare(image: "Image", record: Preprocess) -> "NDArray[np.float32]":
    """The model's input for one image: float32, CHW, contiguous, channels as the record orders them.

    Bit-equal to timm's evaluation transform. `image` may have any mode that Pillow converts to RGB.
    """
    import numpy as np

    pixels = np.ascontiguousarray(prepare_uint8(image, record).transpose(2, 0, 1), dtype=np.float32)
    pixels /= np.float32(255)
    pixels -= np.array(record.mean, np.float32)[:, None, None]
    pixels /= np.array(record.std, np.float32)[:, None, None]
    return pixels


def prepare_uint8(image: "Image", record: Preprocess) -> "NDArray[np.uint8]":
    """What `prepare` normalizes: the resized and cropped pixels, uint8, HWC, channels as the record's."""
    import numpy as np
    from PIL import Image as pillow

    mode = _MODES.get(record.channels, "RGB")
    image = image.convert(mode)
    resized = resized_size(image.size, record)
    if resized != image.size:
        image = image.resize(resized, pillow.Resampling[record.interpolation.upper()])
    height, width = record.size
    canvas = pillow.new(mode, (width, height), fill_colour(record))
    canvas.paste(image, (_offset(image.width, width), _offset(image.height, height)))
    pixels = np.asarray(canvas).reshape(height, width, -1)
    return np.ascontiguousarray(pixels[:, :, ::-1]) if record.channels == "BGR" else pixels


def resized_size(size: tuple[int, int], record: Preprocess) -> tuple[int, int]:
    """(width, height) that an image of `size` (width, height) is resized to before the crop.

    Raises ZooError if the image is so elongated that one edge would vanish.
    """
    width, height = size
    scaled_height, scaled_width = record.scaled_size
    if record.crop_mode == "squash":
        return scaled_width, scaled_height
    if record.crop_mode == "center" and scaled_height == scaled_width:
        # torchvision's Resize truncates the long edge; timm's ResizeKeepRatio, below, rounds both.
        if width <= height:
            return scaled_width, int(scaled_width * height / width)
        return int(scaled_height * width / height), scaled_height
    choose = max if record.crop_mode == "border" else min
    ratio = choose(height / scaled_height, width / scaled_width)
    resized = round(width / ratio), round(height / ratio)
    if min(resized) < 1:
        raise ZooError(f"an image of {width}x{height} pixels is too elongated to be resized; leave it out")
    return resized


def fill_colour(record: Preprocess) -> tuple[int, ...]:
    """The colour (0..255, in Pillow's order) beside an image smaller than the input: the mean in `border`
    mode."""
    mean = record.mean[::-1] if record.channels == "BGR" else record.mean
    return tuple(round(255 * value) if record.crop_mode == "border" else 0 for value in mean)


def _offset(edge: int, target: int) -> int:
    """Where an image's edge starts on the canvas: negative cuts it, positive pads it."""
    room = target - edge
    return room // 2 if room >= 0 else round(room / 2)
