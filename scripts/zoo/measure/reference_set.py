"""What artifacts are held to: a set of samples, and what the original model makes of them; and what a search
measured of the one that it chose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from zoo.config.records.card import ModelCard
from zoo.config.records.verification import SearchedCloseness
from zoo.images.inputs import Feed
from zoo.images.planned import identity
from zoo.images.sets import CalibrationSet, ImageSet, Sample, left_out, samples
from zoo.measure.metrics import sqnr_db
from zoo.runners.artifact import Artifact
from zoo.runners.inference import MEMORY_MB
from zoo.runners.reference import Reference, outputs


@dataclass(frozen=True)
class ReferenceSet:
    """An image set by name, its samples, how a model is fed with them, and the original model's outputs.

    left_out: what lies among the images and is not read, by kind, see `zoo.images.kinds.LeftOut`. identity:
    of the images, see `zoo.images.planned.identity`; None where nobody asked. part_of: how many samples there
    are, where these are a part of them. multiply_adds: of one run of the model, None where nobody counted.
    """

    name: str
    samples: tuple[Sample, ...]
    feed: Feed
    reference: Reference
    left_out: Mapping[str, int] = field(default_factory=dict)
    identity: str | None = None
    part_of: int | None = None
    multiply_adds: int | None = None

    @classmethod
    def read(
        cls, images: Mapping[str, Any], state: str, card: str | Path, reference: str | Path
    ) -> "ReferenceSet":
        """From an image set as plain values with its state when the build was planned, and the files of the
        model card and of the original's outputs.

        Raises ZooError if an image is missing or a file is not what it should be.
        """
        image_set = ImageSet.from_dict(images)
        chosen, others = tuple(samples(image_set)), left_out(image_set).to_dict()
        described, truth = ModelCard.read(card), Reference.load(Path(reference))
        return cls(
            image_set.name,
            chosen,
            described.feed,
            truth,
            others,
            identity(images, state),
            multiply_adds=described.multiply_adds,
        )

    def for_artifact(self, artifact: Artifact) -> "ReferenceSet":
        """The same, or, on a target, as many samples as it takes, evenly from first to last."""
        count, most = len(self.samples), artifact.target.samples if artifact.target else None
        if most is None or most >= count or self.part_of is not None:
            return self
        places = np.linspace(0, count - 1, most).round().astype(int)
        taken = tuple(self.samples[place] for place in places)
        return replace(self, samples=taken, reference=self.reference.of_samples(places), part_of=count)


@dataclass(frozen=True)
class SearchImages:
    """The images that a recipe was chosen by: the held-out ones of calibration, how the model is fed with
    them, what fp32 in ncnn answered, and the SQNR, in dB, that was measured.

    Verification sees other images, for which an SQNR may well be higher or lower; on these, and against these
    answers, a sound file measures as its candidate did.
    """

    samples: tuple[Sample, ...]
    feed: Feed
    reference: Reference
    searched_db: float

    @classmethod
    def read(
        cls, images: Mapping[str, Any], card: str | Path, reference: str | Path, searched_db: float
    ) -> Self:
        """From the calibration images as plain values, and the files of the card and of fp32's outputs."""
        held_out = CalibrationSet.of(ImageSet.from_dict(images)).held_out
        return cls(tuple(held_out), ModelCard.read(card).feed, Reference.load(Path(reference)), searched_db)

    def closeness(self, artifact: Artifact, threads: int, memory_mb: float = MEMORY_MB) -> SearchedCloseness:
        """How close an artifact is now. Raises ArtifactError if it cannot be run or has other outputs."""
        found, _ = outputs(artifact, self.samples, self.feed, self.reference, threads, memory_mb)
        pairs = zip(self.reference.outputs, found, strict=True)
        worst = min(sqnr_db(expected, got) for expected, got in pairs)
        return SearchedCloseness(len(self.samples), worst, self.searched_db)
