"""What an artifact says about images: class labels and scores."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PillowImage

from zoo.array_types import Arrays
from zoo.config.records.card import LOGITS, MULTILABEL, ModelCard
from zoo.errors import ArtifactError, ZooError
from zoo.images.decode import mode, prepared, read_inputs
from zoo.images.sets import Sample
from zoo.runners import BatchRunner
from zoo.runners.artifact import Artifact, find_artifact

Picture = str | Path | NDArray[np.uint8] | PillowImage
"""An image file (or a .npz with the arrays of a model that takes others, see `zoo.images.inputs`), pixels
(height, width, 3) in RGB order, or an image of Pillow's."""


@dataclass(frozen=True)
class Prediction:
    """A class: its index among the model's outputs, its name if the model card has names, and its score, see
    `scores`."""

    index: int
    label: str | None
    score: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Predictor:
    """A loaded artifact that takes images.

        predictor = Predictor.open("results/cpu/mine/int8.param")
        predictor("photo.jpg")[0].label             # one image: its classes, the likeliest first
        predictor(["photo.jpg", pixels], top=1)     # several: a list for each

    Images are prepared by the model card's record, so the answers are those that the artifact was verified
    for. It computes in this process and one image at a time; one predictor must not be used by two threads
    at once.
    """

    def __init__(self, artifact: Artifact, card: ModelCard, threads: int | None = None) -> None:
        """threads: of the CPU; None: as many as the artifact's options say, or one.

        Raises ZooError if the runtime cannot load the files, or if they are not those that the verification
        beside them is about; `caveat` says if there is none, or if they failed it."""
        self.artifact, self.card = artifact, card
        self.caveat = artifact.caveat()
        self.feed = card.feed
        self._runner = artifact.open(threads or artifact.options.threads or 1)
        self.info = self._runner.info

    @classmethod
    def open(
        cls,
        path: str | Path,
        card: str | Path | None = None,
        device: str | None = None,
        threads: int | None = None,
    ) -> "Predictor":
        """The predictor for one of an artifact's files. See `find_artifact`."""
        return cls(*find_artifact(path, card, device), threads)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image that the model sees."""
        return self.feed.record.size

    @property
    def classifies(self) -> bool:
        """Whether the model gives class scores, so that it can be called."""
        return self.card.classifies

    def __call__(
        self, images: Picture | Iterable[Picture], top: int = 5
    ) -> list[Prediction] | list[list[Prediction]]:
        """The `top` likeliest classes of an image, or of each of several; all classes if there are fewer.

        Raises ZooError naming the image (an array by its place) for one that cannot be read or has another
        shape or type, and for a model that is no classifier.
        """
        if isinstance(images, str | Path | np.ndarray | PillowImage):
            return self.predict(self.inputs(images), top)
        return [self.predict(self.inputs(each, f"image {place}"), top) for place, each in enumerate(images)]

    def inputs(self, image: Picture, name: str = "the image") -> Arrays:
        """The model's inputs for an image, float32 without the batch. Raises as `__call__` does."""
        if isinstance(image, str | Path):
            return read_inputs(Sample(str(image), Path(image)), self.feed)
        if not isinstance(image, PillowImage):
            image = _from_pixels(image, name)
        try:
            return prepared(image.convert(mode(self.feed.record)), self.feed, name)
        except ZooError as error:
            raise ZooError(f"{name}: {error}") from error

    def predict(self, inputs: Arrays, top: int = 5) -> list[Prediction]:
        """The `top` likeliest classes for prepared inputs; ArtifactError if the outputs are not finite."""
        if not self.classifies:
            raise ZooError(f"{self.artifact}: the model is no classifier; ask for its outputs")
        return self.ranked(self.outputs(inputs), top)

    def outputs(self, inputs: Arrays) -> Arrays:
        """The raw outputs for prepared inputs, without the batch."""
        return self._runner.run(inputs)

    @property
    def takes_batches(self) -> bool:
        """Whether the runtime may take several images at once; whether it pays is another question."""
        return isinstance(self._runner, BatchRunner) and self._runner.batches

    def batch(self, many: Sequence[Arrays]) -> list[Arrays]:
        """The outputs for several prepared inputs: computed together where the runtime takes them so."""
        if len(many) > 1 and isinstance(self._runner, BatchRunner) and self._runner.batches:
            together = tuple(np.stack(each) for each in zip(*many, strict=True))
            outputs = self._runner.run_batch(together)
            if any(each.ndim == 0 or len(each) != len(many) for each in outputs):
                raise ArtifactError(
                    f"{self.artifact}: it does not give an output for each of {len(many)} images"
                )
            return [tuple(each[place] for each in outputs) for place in range(len(many))]
        return [self.outputs(inputs) for inputs in many]

    def ranked(self, outputs: Arrays, top: int) -> list[Prediction]:
        """The `top` likeliest classes by a classifier's outputs."""
        if top < 1:
            raise ZooError(f"top must be 1 or more, not {top}")
        numbers = np.concatenate([output.ravel() for output in outputs])
        labels = self.card.labels
        if not np.isfinite(numbers).all():
            raise ArtifactError(f"{self.artifact}: its outputs hold NaN or infinity")
        if labels and len(labels) != numbers.size:
            raise ArtifactError(f"{self.artifact}: {numbers.size} outputs, and its card names {len(labels)}")
        shown = scores(numbers, self.card.output)
        best = np.argsort(-numbers, kind="stable")[:top]  # scores may round to 0 or 1
        return [Prediction(int(i), labels[i] if labels else None, float(shown[i])) for i in best]


def scores(numbers: NDArray[np.floating], output: str | None) -> NDArray[np.float64]:
    """The score, 0 to 1, of each class by a classifier's numbers (classes,): the softmax of logits; the
    sigmoid of each, where they are of labels that do not exclude each other; probabilities, which add up to
    1, and sigmoids as they are.

    output: one of `zoo.config.records.card.OUTPUTS`.
    """
    values = numbers.astype(np.float64)
    if output == MULTILABEL:
        return np.asarray((1 + np.tanh(values / 2)) / 2)  # the sigmoid, without overflow
    return softmax(values) if output == LOGITS else values


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities of class scores (classes,)."""
    powers: NDArray[np.float64] = np.exp(logits.astype(np.float64) - logits.max())
    powers /= powers.sum()
    return powers


def _from_pixels(pixels: object, name: str) -> PillowImage:
    """An RGB image of an array; ZooError unless it is (height, width, 3) in uint8."""
    if not isinstance(pixels, np.ndarray):
        raise ZooError(f"{name}: a {type(pixels).__name__} is no image; give a path or an array of pixels")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ZooError(f"{name}: pixels must have the shape (height, width, 3), not {pixels.shape}")
    if pixels.dtype != np.uint8:
        raise ZooError(f"{name}: pixels must be uint8, 0 to 255 in RGB order, not {pixels.dtype}")
    return Image.fromarray(np.ascontiguousarray(pixels))
