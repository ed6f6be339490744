"""The model card: all that later jobs, which do not import torch, know of a model and its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from zoo.config.records.record import Record
from zoo.errors import ZooError
from zoo.images.files import ModelClasses
from zoo.images.inputs import IMAGE, Feed, Input, Shape
from zoo.images.preprocess import Preprocess

CLASSIFICATION, OTHER = "classification", "other"
"""What a model is for: one vector of class scores, or anything else, which is compared tensor by tensor."""

LOGITS, PROBABILITIES, SIGMOID, MULTILABEL = OUTPUTS = ("logits", "probabilities", "sigmoid", "multilabel")
"""What a classifier's numbers are: unnormalized, so that a softmax makes probabilities of them (so it does of
the logarithms of probabilities); probabilities of classes that exclude each other, which add up to 1; or each
a score between 0 and 1 of its own, of labels that do not exclude each other; or the logits of such labels, of
which a sigmoid each makes scores: what a model is trained as whose sigmoid is in the loss."""


@dataclass(frozen=True)
class Output:
    """One output of a model. shape: without the batch."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class ModelCard(Record):
    """A model card, results/weights/<model>.json.

    library, architecture, args: as config.yaml has them. source: where the weights come from; its keys depend
    on its `kind`. random: the weights were never trained. sha256: digest of the saved file of weights.
    licence: "unknown" where nobody says. task: CLASSIFICATION or OTHER.

    multiply_adds: of one run, None where nobody counted. inputs, outputs: in the model's order. preprocess:
    what an image goes through.

    labels: a name for each class, in the order of the output, None where they are not known. class_ids: the
    name of each class's folder of images, for ImageNet-1k the WordNet id, or None.

    output: one of OUTPUTS, for a classifier; logits where a record says nothing. output_by: what tells so.

    Raises ZooError, when it is made, for a task or an output that there is not, for a classifier with other
    outputs than one vector, or of a single logit, and for inputs that preprocessing does not fit.
    """

    KIND: ClassVar[str] = "model card"

    name: str
    library: str
    architecture: str
    args: Mapping[str, Any]
    source: Mapping[str, Any]
    random: bool
    sha256: str
    licence: str
    task: str
    parameters: int
    multiply_adds: int | None
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    preprocess: Preprocess
    labels: tuple[str, ...] | None
    class_ids: tuple[str, ...] | None
    output: str | None = None
    output_by: str | None = None

    def __post_init__(self) -> None:
        if self.task not in (CLASSIFICATION, OTHER):
            raise ZooError(f"task must be {CLASSIFICATION} or {OTHER}, not {self.task!r}")
        shapes = [each.shape for each in self.outputs]
        if self.classifies and (len(shapes) != 1 or len(shapes[0]) != 1):
            raise ZooError(
                "a classifier has one output of the shape [classes], not "
                f"{', '.join(str(list(shape)) for shape in shapes) or 'none'}; say task: {OTHER}"
            )
        if self.classifies and self.output is None:
            object.__setattr__(self, "output", LOGITS)
        if self.classifies and self.output not in OUTPUTS:
            raise ZooError(f"output must be one of {', '.join(OUTPUTS)}, not {self.output!r}")
        if self.num_classes == 1 and self.output != SIGMOID:
            raise ZooError(
                f"a single number tells no classes apart; say task: {OTHER}, or output: {SIGMOID} if it is "
                "the score, from 0 to 1, of one class against all else; put the sigmoid into the model "
                "if it is not"
            )
        if not self.inputs:
            raise ZooError("a model has an input at least")
        _ = self.feed  # so that what does not fit is told here

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the fields, and for people `num_classes` and `input`, which follow from
        them."""
        return super().to_dict() | {"num_classes": self.num_classes, "input": list(self.input)}

    def __getitem__(self, key: str) -> Any:
        """The value of a key of the file, as programs read it that know the file. Raises KeyError."""
        return self.to_dict()[key]

    @cached_property
    def feed(self) -> Feed:
        """What feeds the model."""
        return Feed(self.preprocess, self.inputs)

    @property
    def classes(self) -> ModelClasses:
        """The model's classes; none for a model that is no classifier."""
        return ModelClasses(self.num_classes or 0, tuple(filter(None, (self.class_ids, self.labels))))

    @property
    def classifies(self) -> bool:
        """Whether the model gives class scores."""
        return self.task == CLASSIFICATION

    @property
    def num_classes(self) -> int | None:
        """How many classes the model tells apart; None for a model that is no classifier."""
        return self.outputs[0].shape[0] if self.classifies else None

    @property
    def onnx_names(self) -> tuple[list[str], list[str]]:
        """What its ONNX files call the inputs and outputs: data and output where there is only one."""
        inputs, outputs = [each.name for each in self.inputs], [each.name for each in self.outputs]
        return ["data"] if len(inputs) == 1 else inputs, ["output"] if len(outputs) == 1 else outputs

    @property
    def takes_one_image(self) -> bool:
        """Whether an image is all that goes in."""
        return len(self.inputs) == 1 and self.inputs[0].values == IMAGE

    @property
    def input(self) -> Shape:
        """The shape of the first input without the batch, (channels, height, width) for an image."""
        return self.inputs[0].shape
