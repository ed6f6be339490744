"""The targets of config.yaml, devices that are not this machine: a processor by name, which is emulated, a
board over ssh, or a phone over adb.

Read each time a build starts, so the standard library is all it needs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from zoo.config.artifacts import DEVICES
from zoo.errors import ZooError, refuse_unknown
from zoo.jobs.host import MACHINES, is_one

ARCHITECTURES = tuple(MACHINES)
"""That there is an agent for; that of a target is the first, unless it says otherwise."""
EMULATED = ("aarch64", "armhf", "riscv64")
"""Those of them that processors are emulated of."""
TAKEN = (*DEVICES, "weights", "reference", "datasets", "targets", "logs")
"""Names of folders below results/ that no target can have."""
WAYS = ("emulate", "ssh", "adb")
EMULATED_SAMPLES = 8
"""Images that an emulated target is judged on: it computes some hundred times slower than it would."""

_OF_BOARDS = ("threads", "cores", "folder")
_KEYS = {
    "emulate": ("samples", "features", "vulkan", "architecture"),
    "ssh": ("samples", "features", "vulkan", *_OF_BOARDS, "architecture", "port", "key", "known_hosts"),
    "adb": ("samples", "features", "vulkan", *_OF_BOARDS, "architecture"),
}
KEYS = (*WAYS, *dict.fromkeys(key for keys in _KEYS.values() for key in keys))
_FOLDERS = {"ssh": ".cache/ncnn-zoo", "adb": "/data/local/tmp/ncnn-zoo"}
_EXAMPLE = (
    "say which device it is, for example {emulate: cortex-a76}, {ssh: pi@raspberrypi.local} or {adb: SERIAL}"
)


@dataclass(frozen=True)
class Target:
    """A device that is not this machine.

    emulate: the processor that QEMU emulates where this machine is none of its architecture. samples: how
    many images it is judged on at most; None: all. agent: the program that works there, for whoever runs an
    artifact on it. features: of its processor, that it must have, by Linux's names. architecture: one of
    ARCHITECTURES.

    ssh: [user@]host, with port, key and known_hosts where ssh's own settings do not say; adb: a serial
    number. threads: of its processor; None: as many as cores. cores: those that are used, by number; none:
    all. folder: that files are kept in there.
    """

    name: str
    emulate: str | None = None
    samples: int | None = None
    agent: str | None = None
    features: tuple[str, ...] = ()
    ssh: str | None = None
    port: int | None = None
    key: str | None = None
    known_hosts: str | None = None
    adb: str | None = None
    architecture: str = ARCHITECTURES[0]
    threads: int | None = None
    cores: tuple[int, ...] = ()
    folder: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "cores", tuple(self.cores))

    @classmethod
    def of(cls, name: str, entry: Any) -> Self:
        """From config.yaml. Raises ZooError for a name that is taken, and for what cannot be a target."""
        where = f"targets: {name}"
        if not isinstance(entry, Mapping):
            raise ZooError(f"{where}: {_EXAMPLE}")
        refuse_unknown(
            where, entry, dict.fromkeys((*WAYS, *(key for keys in _KEYS.values() for key in keys)))
        )
        if name in TAKEN or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise ZooError(f"targets: {name} cannot be the name of a target; take another, such as a76")
        if entry.get("vulkan"):
            raise ZooError(
                f"{where}: Vulkan on a target is not supported: targets are CPUs, and gpu is "
                "the Vulkan device of this machine; take vulkan away"
            )
        ways = [way for way in WAYS if way in entry]
        if len(ways) != 1:
            raise ZooError(f"{where}: it is reached by {' and '.join(ways) or 'nothing'}: {_EXAMPLE}")
        (way,) = ways
        if alien := [key for key in entry if key not in (way, *_KEYS[way])]:
            raise ZooError(f"{where}: {alien[0]} is nothing that a target by {way} has; take it away")
        for key, (fits, sentence) in _CHECKS.items():
            if key in entry and not fits(entry[key]):
                raise ZooError(f"{where}: {key} {sentence}")
        if way == "emulate" and entry.get("architecture", ARCHITECTURES[0]) not in EMULATED:
            raise ZooError(f"{where}: an architecture that is emulated is one of {', '.join(EMULATED)}")
        cores, threads = entry.get("cores"), entry.get("threads")
        if cores and threads and threads > len(cores):
            raise ZooError(f"{where}: threads: {threads} are more than its cores, {len(cores)}; name as many")
        defaults = {"samples": EMULATED_SAMPLES if way == "emulate" else None, "folder": _FOLDERS.get(way)}
        return cls(name, **{**defaults, **{key: value for key, value in entry.items() if key != "vulkan"}})

    @property
    def is_board(self) -> bool:
        """Whether it is another machine, which others may use too, and which keeps files."""
        return self.emulate is None

    @property
    def is_timed(self) -> bool:
        """Whether time there means anything: not under emulation, which a machine of the
        architecture needs none of."""
        return self.is_board or is_one(self.architecture)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for jobs, and for `Target(**values)`; those that are the defaults are left out."""
        return {key: value for key, value in asdict(self).items() if value not in (None, ())}


def _text(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _number(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


_PATH = r"[^\x00-\x1f\x7f\-~\"][^\x00-\x1f\x7f\"]*"
_FILE = r"[^\x00-\x1f\x7f\-\"][^\x00-\x1f\x7f\"]*"
_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "emulate": (
        _text(r"[a-z0-9][a-z0-9.-]*"),
        "takes the name of a processor that QEMU knows, such as cortex-a76",
    ),
    "ssh": (
        _text(r"([A-Za-z0-9_][A-Za-z0-9_.+-]*@)?[A-Za-z0-9_:][A-Za-z0-9_.:%-]*"),
        "takes a host, with a user and an @ before it or without, such as pi@raspberrypi.local",
    ),
    "adb": (_text(r"[A-Za-z0-9][A-Za-z0-9._:-]*"), "takes a serial number, as `adb devices` lists it"),
    "samples": (_number(1, 10**9), "is a number of images, 1 or more"),
    "features": (
        lambda value: isinstance(value, list) and all(map(_text(r"[a-z0-9_]+"), value)),
        "is a list of a processor's features by Linux's names, such as [asimdhp, asimddp]",
    ),
    "architecture": (lambda value: value in ARCHITECTURES, f"is one of {', '.join(ARCHITECTURES)}"),
    "threads": (_number(1, 1024), "is a number of threads, 1 or more"),
    "cores": (
        lambda value: (
            isinstance(value, list)
            and value != []
            and all(map(_number(0, 1023), value))
            and len(set(value)) == len(value)
        ),
        "is a list of cores by number, each once, such as [4, 5, 6, 7]",
    ),
    "port": (_number(1, 65535), "is a port, 1 to 65535"),
    "key": (_text(_FILE), "is a file on this machine, without a leading - or control characters"),
    "known_hosts": (_text(_FILE), "is a file on this machine, without a leading - or control characters"),
    "folder": (
        _text(_PATH),
        "is a folder there, from its root (/) or from where one arrives, which needs no ~; without a "
        "leading - or control characters",
    ),
}
"""Key -> what a value of it must be, and the sentence if it is not."""
