"""What artifacts are held to: a set of samples, and what the original model makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.images.inputs import Feed
from zoo.images.sets import ImageSet, Sample, samples
from zoo.runners.reference import Reference


@dataclass(frozen=True)
class ReferenceSet:
    """An image set by name, its samples, how a model is fed with them, and the original model's outputs."""

    name: str
    samples: tuple[Sample, ...]
    feed: Feed
    reference: Reference

    @classmethod
    def read(cls, images: Mapping[str, Any], card: str | Path, reference: str | Path) -> "ReferenceSet":
        """From an image set as plain values, and the files of the model card and of the original's outputs.

        Raises ZooError if an image is missing or a file is not what it should be.
        """
        chosen = tuple(samples(ImageSet.from_dict(images)))
        return cls(images["name"], chosen, ModelCard.read(card).feed, Reference.load(Path(reference)))
