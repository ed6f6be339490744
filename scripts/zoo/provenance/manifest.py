"""results/manifest.json: of every file what its bytes are and how they came to be, and of every artifact its
verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

from zoo.config.records.proof import RuntimeInfo
from zoo.config.records.record import Record
from zoo.errors import ZooError
from zoo.jobs.surroundings import Commit, Surroundings

PASSED, FAILED, NOT_VERIFIED = "passed", "failed", "not verified"


@dataclass(frozen=True)
class Made:
    """How a file was made. rule: the job's. command: what makes it anew, in the folder that holds results/.

    inputs: the SHA-256 that each file had which the job read (of a folder see `zoo.jobs.making`). params:
    the settings that the job was given, with the states of images, of the user's files and of code.
    surroundings: a key of the manifest's.
    """

    rule: str
    command: str
    inputs: Mapping[str, str]
    params: Mapping[str, Any]
    surroundings: str


@dataclass(frozen=True)
class DescribedFile:
    """bytes: the size. sha256: in hex. made: None where nobody wrote down how these bytes came to be."""

    bytes: int
    sha256: str
    made: Made | None


@dataclass(frozen=True)
class Figures:
    """What a verdict rests on; see `zoo.config.records.verification.Closeness`."""

    image_set: str
    images: int
    min_cosine: float
    sqnr_db: float
    max_abs_error: float | None
    top1_agreement: float | None


@dataclass(frozen=True)
class ArtifactVerdict:
    """status: PASSED, FAILED or NOT_VERIFIED. reasons: sentences, for the latter two. gates: those that it
    was held to. runtime: what ran it, the GPU's driver included."""

    status: str
    reasons: tuple[str, ...]
    gates: Mapping[str, float]
    figures: Figures | None
    runtime: RuntimeInfo | None


@dataclass(frozen=True)
class DescribedArtifact:
    """An artifact. files: their paths in the manifest."""

    device: str
    model: str
    artifact: str
    files: tuple[str, ...]
    verdict: ArtifactVerdict


@dataclass(frozen=True)
class Weights:
    """Where a model's weights come from, as its card has it. random: they were never trained."""

    source: Mapping[str, Any]
    sha256: str
    licence: str
    random: bool


@dataclass(frozen=True)
class DescribedModel:
    """settings: all that holds for it. weights: None while it has no card."""

    settings: Mapping[str, Any]
    weights: Weights | None


@dataclass(frozen=True)
class Manifest(Record):
    """The manifest.

    commit: of ncnn-zoo's code when it was written, None outside of git. environment: that of then, as
    `Surroundings.environment` has it; sbom lists what is installed in it. surroundings: what jobs ran in, by
    a short hash. files: by their paths from the manifest's folder. left_out: patterns of what is not
    described there.

    Raises ZooError, when it is made, for a path that leads out of the manifest's folder.
    """

    KIND: ClassVar[str] = "manifest"

    commit: Commit | None
    environment: str
    sbom: str
    surroundings: Mapping[str, Surroundings]
    models: Mapping[str, DescribedModel]
    artifacts: tuple[DescribedArtifact, ...]
    files: Mapping[str, DescribedFile]
    left_out: tuple[str, ...]

    def __post_init__(self) -> None:
        for path in self.files:
            parts = PurePosixPath(path)
            if parts.is_absolute() or ".." in parts.parts or "\0" in path:
                raise ZooError(f"{path!r} leads out of the manifest's folder")
