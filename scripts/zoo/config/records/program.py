"""<artifact>.program.json: the program of a bundle, compiled for a target with ncnn in it."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.config.records.record import Record


@dataclass(frozen=True)
class Program(Record):
    """One static program that runs an artifact, and what it was made of.

    artifact: the one that the bundle holds. architecture: of its processor, as Linux names it. bytes, sha256:
    of the program. layer_types: of ncnn's, those that are in it. ncnn: the version of the source. compiler:
    what it says of itself. bundle: SHA-256 of the archive that the program was built from.
    """

    KIND: ClassVar[str] = "record of a program"

    model: str
    device: str
    artifact: str
    architecture: str
    bytes: int
    sha256: str
    layer_types: tuple[str, ...]
    ncnn: str
    compiler: str
    bundle: str
