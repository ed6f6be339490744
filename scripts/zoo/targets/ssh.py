"""A board over OpenSSH's `ssh`: keys only, and host keys that are known."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.targets.faults import ConnectionCut, Unreachable
from zoo.targets.shell import Shell, known_fault, words

CONNECT_S = 15
"""How long a board may take to answer; ssh asks it again and again whether it is there still."""
_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": str(CONNECT_S),
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "3",
    "ClearAllForwardings": "yes",
    "ControlPath": "none",
    "RemoteCommand": "none",
    "PermitLocalCommand": "no",
    "LogLevel": "ERROR",
}
_WAY_IN = "a key without a passphrase, or in an agent, that it accepts (ssh-copy-id) is the way in"
_FAULTS = {
    r"could not resolve hostname|name or service not known": "there is no host of this name",
    r"remote host identification has changed": (
        "its host key is another than the one that is known: it was set up anew, or something else answers "
        "in its place; if you know why, ssh-keygen -R forgets the old one"
    ),
    r"host key verification failed|no .*host key is known": (
        "its host key is not known: connect by hand once (ssh), compare and accept it, or name a file that "
        "has it (known_hosts)"
    ),
    r"load key .*: (?!.*permission denied \()": "the key cannot be read: it is broken, has a passphrase, or "
    "others may read it (chmod 600)",
    r"permission denied|too many authentication failures": f"it refuses the key: {_WAY_IN}",
    r"no matching .* found|bad configuration option|unknown cipher": "ssh and its server agree on nothing",
}
"""What ssh prints -> what is wrong, until somebody does something about it."""
_PASSING = {
    r"connection refused": "nothing answers on its port; is its ssh server running?",
    r"timed out|no route to host|network is unreachable|host is down": "it does not answer; is it on?",
}
_CUT = (
    r"connection (?:to \S+ )?(?:closed|reset)|broken pipe|kex_exchange_identification|client_loop|"
    "lost connection|banner"
)


@dataclass(frozen=True)
class Ssh(Shell):
    """host: with a user before an @, or a name of ~/.ssh/config. key, known_hosts: files on this machine."""

    host: str = ""
    port: int | None = None
    key: str | None = None
    known_hosts: str | None = None

    def command(self, line: str) -> Sequence[str]:
        if shutil.which("ssh") is None:
            raise Unreachable(
                f"{self.name}: ssh is not on this machine: install openssh-client (Debian's package)", True
            )
        given = dict(_OPTIONS)
        for what, name in (("key", self.key), ("known_hosts", self.known_hosts)):
            if name is not None and not Path(name).expanduser().is_file():
                raise Unreachable(f"{self.name}: there is no file {name} ({what})", lasting=True)
        if self.key is not None:
            given |= {"IdentitiesOnly": "yes", "IdentityFile": _file(self.key)}
        if self.known_hosts is not None:
            given |= {"UserKnownHostsFile": _file(self.known_hosts), "GlobalKnownHostsFile": "/dev/null"}
        if self.port is not None:
            given["Port"] = str(self.port)
        options = [each for name, value in given.items() for each in ("-o", f"{name}={value}")]
        return ["ssh", "-T", "-x", "-a", *options, "--", self.host, line]

    def fault(self, code: int | None, said: str) -> Unreachable:
        if known := known_fault(f"{self.name}: {self.host}", said, _FAULTS, _PASSING):
            return known
        why = words(said) or f"ssh ended with status {code}"
        if re.search(_CUT, said, re.IGNORECASE) or not words(said):
            return ConnectionCut(f"{self.name}: the connection to {self.host} was cut ({why})")
        return Unreachable(f"{self.name}: {self.host} cannot be reached: {why}")


def _file(path: str) -> str:
    """A path as an option's value: ssh takes spaces for ends, and letters behind a % for what it knows."""
    return '"{}"'.format(str(Path(path).expanduser().absolute()).replace("%", "%%"))
