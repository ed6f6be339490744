"""What int8 files are made from: by it a lock is told from one of other files, images or settings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from zoo.config.records.card import ModelCard
from zoo.config.settings import BALANCED
from zoo.images.planned import identity
from zoo.jobs.files import sha256
from zoo.jobs.surroundings import Surroundings

SETTINGS = ("recipe", "exclude", "target", "objective", "pinned")
_BEFORE = {"objective": BALANCED}
"""What locks of before do not say, for there was one way."""


@dataclass(frozen=True)
class Origin:
    """What a build makes int8 of.

    weights: SHA-256 of the file of weights; trained: whether these are trained in the zoo. fp32: SHA-256 of
    ncnn's fp32 files by name. images: of the calibration images, see `zoo.images.planned.identity`.
    settings: by the names of SETTINGS, what config.yaml says under int8, and of a pinned recipe also the
    SHA-256.
    """

    weights: str
    trained: bool
    fp32: Mapping[str, str]
    images: str
    settings: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        card: str | Path,
        fp32: Iterable[str | Path],
        images: Mapping[str, Any],
        images_state: str,
        settings: Mapping[str, Any],
    ) -> Self:
        """images: as plain values; images_state: see `zoo.config.changes.images_state`."""
        described = ModelCard.read(card)
        return cls(
            described.sha256,
            described.source.get("kind") == "train",
            {Path(file).name: sha256(file) for file in fp32},
            identity(images, images_state),
            dict(settings),
        )

    def differences(self, now: "Origin", then: Surroundings, today: Surroundings) -> Iterator[str]:
        """What is another now than it was, a phrase each, with what explains it. then, today: in which
        surroundings the fp32 files were made."""
        if self.weights != now.weights:
            hint = (
                ": those that are trained here can be others on another processor, so keep the file and name "
                "it (weights: {file: …})"
                if now.trained
                else ""
            )
            yield f"the model's weights are others{hint}"
        elif others := [name for name in self.fp32 if self.fp32[name] != now.fp32.get(name)]:
            yield f"of the same weights {' and '.join(others)} became other files ({then.against(today)})"
        if self.images != now.images:
            yield "the calibration images are others"
        for name in SETTINGS:
            was, is_now = ((_BEFORE | dict(each.settings)).get(name) for each in (self, now))
            if was != is_now:
                where = "the pinned recipe" if name == "pinned" else f"int8: {name}"
                yield f"{where} was {was}, is {is_now}"
