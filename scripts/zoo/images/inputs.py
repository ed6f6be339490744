"""What feeds a model: the shape of each of its inputs, and where the values come from.

Most models take one image, prepared by their preprocessing record. Others take more: a second view of the
image, a mask, a vector. A sample that is a `.npz` file brings the arrays of all inputs itself.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.array_types import Arrays, Floats

Shape = tuple[int, ...]

IMAGE, NORMAL, FILE = "image", "normal", "file"
"""Where the values of an input come from, if they are no constant: the sample's image, prepared at the
input's size; a standard normal drawn by the sample's name; only files of arrays."""

SUFFIX = ".npz"
"""Of a sample that holds arrays, one for each input under its name, as the network takes them."""


@dataclass(frozen=True)
class Input:
    """One input of a model.

    shape: without the batch, (C, H, W) for an image. values: `image`, `normal`, `file`, or a number that
    fills it. second_shape: another shape that the model must take, if it is to have a dynamic one.

    Raises ZooError, when it is made, for a value that makes no sense.
    """

    name: str
    shape: Shape
    values: str | float = IMAGE
    second_shape: Shape | None = None

    def __post_init__(self) -> None:
        if self.shape is None:
            raise ZooError(f"input {self.name} needs a shape, without the batch, such as [3, 224, 224]")
        for key in ("shape", "second_shape"):
            given = getattr(self, key)
            if given is not None:
                object.__setattr__(self, key, _shape(self.name, key, given))
        if self.second_shape is not None and len(self.second_shape) != len(self.shape):
            raise ZooError(
                f"input {self.name}: shape and second_shape must have as many dimensions, not "
                f"{list(self.shape)} and {list(self.second_shape)}"
            )
        if self.values == FILE and self.second_shape is not None:
            raise ZooError(
                f"input {self.name}: a file of arrays has one shape, so second_shape cannot be verified; "
                "leave it out, or take the values from an image, normal or a number"
            )
        if isinstance(self.values, str) and self.values not in (IMAGE, NORMAL, FILE):
            raise ZooError(
                f"input {self.name}: values must be {IMAGE}, {NORMAL}, {FILE} or a number, "
                f"not {self.values!r}"
            )
        if not isinstance(self.values, str) and not abs(self.values) <= sys.float_info.max:
            raise ZooError(f"input {self.name}: values must be finite, not {self.values}")
        if self.values == IMAGE and len(self.shape) != 3:
            raise ZooError(
                f"input {self.name}: an image has the shape [channels, height, width], not {list(self.shape)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and for `from_dict`."""
        values = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Input":
        """The inverse of `to_dict`. Raises ZooError for an unknown or a missing key."""
        try:
            return cls(**values)
        except TypeError as error:
            raise ZooError(f"input {values.get('name')}: {error}") from None


@dataclass(frozen=True)
class Feed:
    """All inputs of a model, in its order, and the record by which an image is prepared for them.

    Raises ZooError, when it is made, if an image input has other channels than the record.
    """

    record: Preprocess
    inputs: tuple[Input, ...]

    def __post_init__(self) -> None:
        for each in self.inputs:
            if each.values == IMAGE and each.shape[0] != len(self.record.mean):
                raise ZooError(
                    f"input {each.name} takes {each.shape[0]} channels, and preprocessing gives "
                    f"{len(self.record.mean)} ({self.record.channels}); set preprocess: channels, mean and "
                    "std, or give the inputs as .npz files (inputs: [{values: file, …}])"
                )

    @classmethod
    def image(
        cls, record: Preprocess, name: str = "data", second_size: Sequence[int] | None = None
    ) -> "Feed":
        """One image, of the record's size; second_size: another (height, width), for a dynamic shape."""
        channels = len(record.mean)
        second = None if second_size is None else (channels, *second_size)
        return cls(record, (Input(name, (channels, *record.size), IMAGE, second),))

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of each input, without the batch."""
        return tuple(each.shape for each in self.inputs)

    @property
    def records(self) -> tuple[Preprocess, ...]:
        """By which an image is prepared: one for each shape that an input takes it in."""
        shapes = dict.fromkeys(each.shape for each in self.inputs if each.values == IMAGE)
        return tuple(replace(self.record, size=(shape[1], shape[2])) for shape in shapes)

    @property
    def dynamic(self) -> bool:
        """Whether the model must take a second shape too."""
        return any(each.second_shape is not None for each in self.inputs)

    def second(self) -> "Feed | None":
        """The same with the second shapes in the place of the first; None if no input has one."""
        if not self.dynamic:
            return None
        return Feed(
            self.record,
            tuple(
                replace(each, shape=each.second_shape or each.shape, second_shape=None)
                for each in self.inputs
            ),
        )


def filled(each: Input, name: str) -> "Floats":
    """The values, float32, of an input that no image gives, for the sample of that name.

    Raises ZooError for an input whose values only a file can give.
    """
    import hashlib

    import numpy as np

    if each.values == NORMAL:
        digest = hashlib.blake2b(f"{each.name}\0{name}".encode("utf-8", "surrogateescape"), digest_size=8)
        generator = np.random.default_rng(int.from_bytes(digest.digest()))
        return generator.standard_normal(each.shape, dtype=np.float32)
    if isinstance(each.values, str):
        raise ZooError(
            f"{name}: the input {each.name} takes its values from a file, and this is none of arrays; "
            f"give {SUFFIX} files"
        )
    return np.full(each.shape, each.values, np.float32)


def from_arrays(feed: Feed, arrays: "Mapping[str, NDArray[Any]]", name: str) -> "Arrays":
    """The inputs that a sample's arrays hold, float32.

    Raises ZooError naming the sample for an array that is missing, of another shape, of no numbers, or not
    finite.
    """
    import numpy as np

    found = []
    for each in feed.inputs:
        if each.name not in arrays:
            raise ZooError(f"{name}: has no array {each.name}; it has: {', '.join(arrays) or 'none'}")
        given = np.asarray(arrays[each.name])
        if given.dtype.kind not in "biuf":
            raise ZooError(f"{name}: {each.name} holds {given.dtype}, and must hold numbers")
        if given.shape != each.shape:
            raise ZooError(
                f"{name}: {each.name} has the shape {list(given.shape)}, and the model takes "
                f"{list(each.shape)}"
            )
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            values = np.ascontiguousarray(given, dtype=np.float32)
        if not np.isfinite(values).all():
            raise ZooError(f"{name}: {each.name} holds NaN or infinity")
        found.append(values)
    return tuple(found)


def _shape(name: str, key: str, given: Sequence[Any]) -> Shape:
    whole = [size for size in given if type(size) is int and size > 0]
    if not whole or len(whole) != len(given):
        raise ZooError(f"input {name}: {key} must be whole numbers from 1, without the batch, not {given!r}")
    return tuple(whole)


def random_inputs(shapes: Sequence[Shape]) -> "Arrays":
    """Seeded standard normal inputs of these shapes, without the batch."""
    import numpy as np

    generator = np.random.default_rng(0)
    return tuple(generator.standard_normal(shape, dtype=np.float32) for shape in shapes)
