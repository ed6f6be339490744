"""What every proof starts with: the artifact that it is about, and what ran it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.config.records.record import Record


@dataclass(frozen=True)
class RuntimeInfo:
    """What ran an artifact: the runtime, its version, and the hardware by name.

    software_gpu: whether the GPU is a program on the CPU, None where a CPU ran it. driver: of the GPU, its
    version, None where a CPU ran it or nobody tells. features: of a target's CPU, as far as ncnn has kernels
    for them, by Linux's names; None on this machine.
    """

    name: str
    version: str
    device: str
    software_gpu: bool | None = None
    driver: str | None = None
    features: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Proof(Record):
    """A record about one artifact. device: `cpu` or `gpu`; artifact: its name, such as `fp16.onnx`."""

    model: str
    device: str
    artifact: str


@dataclass(frozen=True, kw_only=True)
class Measured(Proof):
    """A record of what was measured of an artifact, beside its verification.

    hashes: the SHA-256 of the files that it was measured of, by name; none in a record of before.
    """

    hashes: Mapping[str, str] = field(default_factory=dict)
