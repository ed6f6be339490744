"""The targets of config.yaml: devices that are not this machine, each a processor by name.

Read each time a build starts, so the standard library is all it needs.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from zoo.config.artifacts import DEVICES
from zoo.errors import ZooError, refuse_unknown

ARCHITECTURE = "aarch64"
"""Of every target's processor."""
TAKEN = (*DEVICES, "weights", "reference", "datasets", "targets", "logs")
"""Names of folders below results/ that no target can have."""
KEYS = ("emulate", "samples", "vulkan")


@dataclass(frozen=True)
class Target:
    """A device that is not this machine.

    emulate: the processor that QEMU emulates where this machine is none of its architecture. samples: how
    many images it is judged on at most; it computes some hundred times slower than it would. agent: the
    program that works there, for whoever runs an artifact on it.
    """

    name: str
    emulate: str
    samples: int = 8
    agent: str | None = None

    @classmethod
    def of(cls, name: str, entry: Any) -> Self:
        """From config.yaml. Raises ZooError for a name that is taken, and for what cannot be a target."""
        if not isinstance(entry, Mapping):
            raise ZooError(f"targets: {name}: say which processor it is, for example {{emulate: cortex-a76}}")
        refuse_unknown(f"targets: {name}", entry, KEYS)
        if name in TAKEN or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise ZooError(f"targets: {name} cannot be the name of a target; take another, such as a76")
        if entry.get("vulkan"):
            raise ZooError(
                f"targets: {name}: Vulkan on a target is not supported: targets are CPUs, and gpu is "
                "the Vulkan device of this machine; take vulkan away"
            )
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", str(entry.get("emulate"))):
            raise ZooError(
                f"targets: {name}: emulate takes the name of a processor that QEMU knows, such as cortex-a76"
            )
        return cls(name, str(entry["emulate"]), entry.get("samples", cls.samples))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for jobs, and for `Target(**values)`."""
        return asdict(self)
