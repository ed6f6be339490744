"""A phone over `adb`. Its `shell -T` is clean for bytes both ways and tells errors apart, if the phone's side
speaks the second version of the shell's protocol (Android 7 and later)."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.targets.faults import ConnectionCut, Unreachable
from zoo.targets.shell import Shell, known_fault, words

_FAULTS = {
    r"unauthorized": "it does not trust this machine: unlock it and allow USB debugging",
    r"no permissions": "this user may not use its USB port: see what `adb devices` says",
    r"unknown option|doesn't support|not supported|shell protocol": (
        "its side of adb is too old for a clean stream (Android 7 and later have it)"
    ),
}
_PASSING = {
    r"device .*not found|no devices": "there is no such device; see what `adb devices` says",
    r"device offline|device still|connecting": "it is offline; unplug it, or `adb reconnect`",
    r"cannot connect to daemon|failed to connect|failed to check server": "adb's own server does not start",
}


@dataclass(frozen=True)
class Adb(Shell):
    """serial: as `adb devices` lists it."""

    serial: str = ""

    def command(self, line: str) -> Sequence[str]:
        if shutil.which("adb") is None:
            raise Unreachable(
                f"{self.name}: adb is not on this machine: install adb (Debian's package)", True
            )
        return ["adb", "-s", self.serial, "shell", "-T", line]

    def fault(self, code: int | None, said: str) -> Unreachable:
        if known := known_fault(f"{self.name}: {self.serial}", said, _FAULTS, _PASSING):
            return known
        why = words(said) or f"adb ended with status {code}"
        return ConnectionCut(f"{self.name}: the connection to {self.serial} was cut ({why})")
