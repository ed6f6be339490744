"""<artifact>.eval.json: accuracy on labelled images, and agreement with the original model on any."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from zoo.config.records.proof import Measured, RuntimeInfo


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """What an artifact answers, and what the original model does, for the same images.

    top1, top5, reference_top1: shares 0 to 1, None without labels (top5 also with five classes or fewer);
    top1_drop: percentage points lost; agreement: share of equal first classes; sqnr_db: of the worst output.
    What is about classes is None for a model that is no classifier.
    """

    images: int
    labelled: bool
    top1: float | None = None
    top5: float | None = None
    reference_top1: float | None = None
    top1_drop: float | None = None
    agreement: float | None = None
    sqnr_db: float


@dataclass(frozen=True, kw_only=True)
class Evaluation(Accuracy, Measured):
    """The accuracy of an artifact on an image set, by name; left_out: how many files among its images were
    not read, by kind; images_sha256, part_of: as in a verification's `Numbers`."""

    KIND: ClassVar[str] = "evaluation"

    runtime: RuntimeInfo
    image_set: str
    images_sha256: str | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    part_of: int | None = None
