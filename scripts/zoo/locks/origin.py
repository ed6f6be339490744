"""What int8 files are made from: by it a lock is told from one of other files, images or settings."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any, Self

from zoo.config.records.card import ModelCard
from zoo.images.planned import MADE_HERE
from zoo.images.sets import ImageSet, fingerprint
from zoo.jobs.files import sha256
from zoo.jobs.surroundings import cpu_name

PACKAGES = ("ncnn", "numpy", "pnnx", "torch", "timm")
"""What decides what fp32 files, statistics and int8 files are, beside the processor."""

SETTINGS = ("recipe", "exclude", "target", "pinned")


@dataclass(frozen=True)
class Origin:
    """What a build makes int8 of.

    weights: SHA-256 of the file of weights; trained: whether these are trained in the zoo. fp32: SHA-256 of
    ncnn's fp32 files by name. images: of the calibration images, see `zoo.images.sets.fingerprint`; that of
    files on every machine. settings: by the names of SETTINGS, what config.yaml says under int8, and of a
    pinned recipe also the SHA-256.
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
            _state(images, packaged=images_state == MADE_HERE),
            dict(settings),
        )

    def differences(self, now: "Origin", then: "Made", today: "Made") -> Iterator[str]:
        """What is another now than it was, a phrase each, with what explains it. then, today: what made the
        fp32 files."""
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
            if (was := self.settings.get(name)) != (is_now := now.settings.get(name)):
                where = "the pinned recipe" if name == "pinned" else f"int8: {name}"
                yield f"{where} was {was}, is {is_now}"


def _state(images: Mapping[str, Any], packaged: bool) -> str:
    """The fingerprint of a set; of a packaged one that of what is chosen of it: how a rule that writes images
    compresses them is the machine's affair."""
    if not packaged:
        return fingerprint(ImageSet.from_dict(images))
    chosen = {key: value for key, value in images.items() if key not in ("path", "classes")}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Made:
    """By what files were made: the versions of packages, and the processor's name."""

    versions: Mapping[str, str]
    processor: str

    @classmethod
    def here(cls) -> Self:
        """By this environment, on this machine."""
        found = {"python": python_version()}
        for package in PACKAGES:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue  # an environment that only runs models
        return cls(found, cpu_name())

    def against(self, today: "Made") -> str:
        """What is another today, as a phrase."""
        names = dict.fromkeys((*self.versions, *today.versions))
        pairs = [(name, self.versions.get(name, "none"), today.versions.get(name, "none")) for name in names]
        changed = [f"{name} {was} then, {now} now" for name, was, now in pairs if was != now]
        if self.processor != today.processor:
            changed.append(f"on {self.processor} then, on {today.processor} now")
        return "; ".join(changed) or "by the same versions on the same kind of processor"
