"""calibration.coverage.json: what a model's calibration images say of the images that it is judged on."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.config.records.record import Record


@dataclass(frozen=True)
class LayerCoverage:
    """The input of a layer that could be int8, over other images than it is calibrated on.

    excess: its largest |x| over the largest of the calibration; above 1, it is exceeded. channels: the share,
    0 to 1, of its channels whose own range is exceeded. clipped: the share of its sampled values that lie
    beyond the largest of the calibration. Layers that read the same blob are one, under the first's name.
    """

    layer: str
    excess: float
    channels: float
    clipped: float


@dataclass(frozen=True)
class Look:
    """What the first input of a model holds, of some images. mean, deviation: by channel, over the images.
    gray: the share of images whose three channels are all alike; None where there are not three."""

    images: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    gray: float | None


@dataclass(frozen=True)
class Covered:
    """The images of a purpose beside the calibration's. images: how many were run. unlike: in a sentence
    each, how they look other than the calibration images."""

    purpose: str
    images: int
    look: Look
    layers: tuple[LayerCoverage, ...]
    unlike: tuple[str, ...] = ()

    @property
    def worst(self) -> LayerCoverage:
        """The layer that is exceeded most: by the share of values, then by how far."""
        return max(self.layers, key=lambda layer: (layer.clipped, layer.excess))

    @property
    def exceeded(self) -> int:
        """How many layers are exceeded."""
        return sum(layer.excess > 1 for layer in self.layers)


@dataclass(frozen=True)
class Coverage(Record):
    """How a model's calibration images on a device cover the images of other purposes."""

    KIND: ClassVar[str] = "record of coverage"

    model: str
    device: str
    look: Look
    purposes: tuple[Covered, ...] = ()
