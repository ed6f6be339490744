"""<artifact>.verify.json: is an artifact whole, how close is it to the original model, and does it pass."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from zoo.config.records.proof import Proof, RuntimeInfo
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.jobs.onnx_data import SUFFIX
from zoo.ncnn.options import Options


@dataclass(frozen=True)
class FileFacts:
    """A file of an artifact. name: without its folder; sha256: in hexadecimal."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Structure:
    """What the files themselves tell, before anything runs them.

    problems: sentences, none if `ok`. layers, layer_types: their number, and the number of each type; None
    where the format does not show them.
    """

    ok: bool
    problems: tuple[str, ...]
    files: tuple[FileFacts, ...]
    layers: int | None = None
    layer_types: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Cosine:
    """Cosine similarity, -1 to 1: of the worst image, and the mean."""

    min: float
    mean: float


@dataclass(frozen=True)
class OutputCloseness:
    """How close one output is to the original's. shape: without the batch; the figures: see `Closeness`."""

    shape: tuple[int, ...]
    cosine: Cosine
    sqnr_db: float
    max_abs_error: float | None


@dataclass(frozen=True)
class WorstImage:
    """The image for which an output is furthest from the original's.

    output: its number, from 0. image: by name. cosine, sqnr_db: of that output for that image; the SQNR is
    over what the output can be, see `zoo.measure.closeness`.
    """

    output: int
    image: str
    cosine: float
    sqnr_db: float


@dataclass(frozen=True, kw_only=True)
class Closeness:
    """How close outputs are to the original model's: the figures of the worst output.

    images: how many. cosine: of each image's outputs (over all images, for an output of one number), 1 where
    the error is none, see `zoo.measure.closeness`.
    sqnr_db: in dB, over all numbers of an output, ±200 standing for equal outputs and for not-a-number.
    max_abs_error: the largest difference, None if it is not finite. top1_agreement: the share, 0 to 1, of
    images with the same first class, None for what is no classifier. outputs: each output's own figures, if
    there are several. worst: the output and the image that are furthest off.
    """

    images: int
    cosine: Cosine
    sqnr_db: float
    max_abs_error: float | None
    top1_agreement: float | None
    outputs: tuple[OutputCloseness, ...] = ()
    worst: WorstImage | None = None


@dataclass(frozen=True, kw_only=True)
class ClosenessAtShapes(Closeness):
    """The same for the second shape of a dynamic model. shapes: of its inputs, without the batch."""

    shapes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Numbers(Closeness):
    """The same for an image set, by name; second: at the second shape, for a dynamic model. left_out: how
    many files among its images were not read, by kind. images_sha256: of the images, the same on every
    machine, see `zoo.images.planned.identity`; None in a record of before. part_of: how many images the set
    has, where only a part of them was taken."""

    image_set: str
    images_sha256: str | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    second: ClosenessAtShapes | None = None
    part_of: int | None = None


@dataclass(frozen=True)
class SearchedCloseness:
    """How close a file of int8 or few bits is to fp32 on the images that it was judged by when its recipe was
    chosen, and was then.

    images: how many, held-out ones of calibration. sqnr_db, searched_db: in dB, of the worst output.
    """

    images: int
    sqnr_db: float
    searched_db: float


@dataclass(frozen=True)
class LayerDifference:
    """How far a layer's output is from that of the same layer in another file, which counts as right.

    blob: the name that both files have for it. cosine: of the worst image. sqnr_db: in dB, over all images.
    max_abs: the largest absolute difference, None if it is not finite. peak: the largest absolute value in
    the file that counts as right.
    """

    layer: str
    type: str
    blob: str
    cosine: float
    sqnr_db: float
    max_abs: float | None
    peak: float


@dataclass(frozen=True)
class Divergence:
    """Every layer against fp32. first: the first layer whose cosine is below `threshold` for an image."""

    reference: str
    threshold: float
    images: int
    first: LayerDifference | None
    layers: tuple[LayerDifference, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether an artifact passed, the sentences that say why not, and the gates that it was held to."""

    passed: bool
    failures: tuple[str, ...]
    gates: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Verification(Proof):
    """The proof of an artifact. A part that could not be made is None, and the verdict says why.

    searched: of a file that a search chose, else None. options: what was set of ncnn's over its precision's,
    as whoever runs it is to set it.
    """

    KIND: ClassVar[str] = "verification"

    runtime: RuntimeInfo | None
    structure: Structure
    numbers: Numbers | None
    divergence: Divergence | None
    verdict: Verdict
    searched: SearchedCloseness | None = None
    options: Options = field(default_factory=Options)

    @property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 of the bytes that were verified, by the name of the file."""
        return {facts.name: facts.sha256 for facts in self.structure.files}

    def check_files(self, files: Iterable[Path], digest: Callable[[Path], str] = sha256) -> None:
        """Raises ZooError, naming it, for a file whose bytes are others than those that were verified, and
        for one beside it that was verified with it, as an ONNX file's data.

        digest: what gives the SHA-256 of a file.
        """
        given = list(files)
        beside = (file.with_name(name) for file in given[:1] for name in self.hashes)
        more = [file for file in beside if file.suffix == SUFFIX and file.is_file()]
        for file in dict.fromkeys([*given, *more]):
            self.check_hash(file, digest(file))

    def check_hash(self, file: Path, digest: str) -> None:
        """The same for a file whose SHA-256 is at hand."""
        gone = f"{file.with_suffix('')} {file}" if file.suffix == SUFFIX else file
        if digest != (verified := self.hashes.get(file.name, "of no such file")):
            raise ZooError(
                f"{file} is not the file that was verified: its SHA-256 is {digest[:12]}…, that in "
                f"{self.artifact}.verify.json {verified[:15]}…; make it anew: rm {gone} && snakemake "
                f"{file.parent / self.artifact}.passed"
            )
