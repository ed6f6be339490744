"""How ncnn stores and computes what an artifact holds: the settings that each precision is verified with, and
those that can be set for an artifact beside them, by hand or by a search."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from zoo.errors import ZooError, refuse_unknown

_FP16 = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic")
_BF16 = ("use_bf16_packed", "use_bf16_storage")
_ON: dict[str, tuple[str, ...]] = {"fp32": (), "bf16": _BF16}
KERNELS = ("use_winograd_convolution", "use_sgemm_convolution", "use_packing_layout")
"""Which kernels there are; ncnn has them on by itself."""
SWITCHES = (*KERNELS, *_FP16, *_BF16)
"""The fields of ncnn's `Option` that can be set for an artifact: beside KERNELS how floats are stored and
computed, those of int8 files too."""

MOST_THREADS = 1024


@dataclass(frozen=True)
class Options:
    """What is set for an artifact over `options` of its precision.

    switches: of SWITCHES, by name. threads: of the CPU, for whoever asks for no other number; None: one.
    Raises ZooError, when it is made, for a switch or a number that ncnn does not have.
    """

    switches: Mapping[str, bool] = field(default_factory=dict)
    threads: int | None = None

    def __post_init__(self) -> None:
        refuse_unknown("options of ncnn", self.switches, SWITCHES)
        for name, on in self.switches.items():
            if not isinstance(on, bool):
                raise ZooError(f"{name} is true or false, not {on!r:.40}")
        if self.threads is not None and not 1 <= self.threads <= MOST_THREADS:
            raise ZooError(f"threads are 1 to {MOST_THREADS}, not {self.threads}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From one mapping of switches and `threads`. Raises ZooError for an unknown key."""
        refuse_unknown("options of ncnn", values, (*SWITCHES, "threads"))
        return cls({name: on for name, on in values.items() if name != "threads"}, values.get("threads"))

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `of`."""
        return dict(self.switches) | ({} if self.threads is None else {"threads": self.threads})

    def __bool__(self) -> bool:
        return bool(self.switches) or self.threads is not None

    def __str__(self) -> str:
        said = [f"{name} {'on' if on else 'off'}" for name, on in self.switches.items()]
        threads = [] if self.threads is None else [f"{self.threads} thread{'s' * (self.threads > 1)}"]
        return ", ".join([*said, *threads]) or "as ncnn has them"


def options(precision: str, switches: Mapping[str, bool] | None = None) -> dict[str, bool]:
    """ncnn's `Option` fields by name: fp32 files compute in fp32, bf16 files in bf16, on any device; with all
    others the runtime may store and compute in fp16 where it wants to, as it does by default. switches: what
    is set over that."""
    usual = {name: name in _ON.get(precision, _FP16) for name in (*_FP16, *_BF16)}
    return usual | dict(switches or {})


_CHOICES: dict[str, dict[str, bool]] = {
    "no Winograd": {"use_winograd_convolution": False},
    "no sgemm": {"use_sgemm_convolution": False},
    "no packing": {"use_packing_layout": False},
    "fp32 arithmetic": {"use_fp16_arithmetic": False},
    "fp32 storage": dict.fromkeys(_FP16, False),
    "bf16 storage": dict.fromkeys(_FP16, False) | dict.fromkeys(_BF16, True),
}


def choices(precision: str, settled: Collection[str] = ()) -> dict[str, dict[str, bool]]:
    """What a search may set for an artifact of a precision, by name, each with all switches that it takes.

    How floats are stored and computed is what fp32 and bf16 mean, and no choice there; in other files it is
    that of the layers that are not int8. settled: switches that are not to be chosen any more.
    """
    usual = options(precision)
    return {
        name: switches
        for name, switches in _CHOICES.items()
        if not set(switches) & set(settled) and (precision not in _ON or not set(switches) & set(usual))
    }
