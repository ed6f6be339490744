"""A board that is this machine: an sshd of one's own on a high port, what cuts and slows the way to it, and a
stand-in for adb that runs here what it is told to run on a phone."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.config.targets import Target

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
"""


@dataclass(frozen=True)
class Board:
    """A server of ssh on this machine, with its own keys, in a folder of its own."""

    folder: Path
    port: int

    @property
    def home(self) -> Path:
        """Where its agent keeps things."""
        return self.folder / "board"

    def target(self, agent: Path, **changes) -> Target:
        known = {"ssh": f"{getpass.getuser()}@127.0.0.1", "port": self.port, "key": str(self.folder / "key")}
        known |= {"known_hosts": str(self.folder / "known_hosts"), "folder": str(self.home)}
        return replace(Target("board", agent=str(agent), architecture=os.uname().machine, **known), **changes)

    def entry(self, port: int | None = None) -> dict:
        """The same in config.yaml."""
        target = self.target(Path())
        names = ("ssh", "key", "known_hosts", "folder", "architecture")
        return {name: getattr(target, name) for name in names} | {"port": port or self.port, "threads": 1}

    def know(self, port: int) -> None:
        """Make its host key known for a port that leads to it."""
        with (self.folder / "known_hosts").open("a") as known:
            print(f"[127.0.0.1]:{port} {(self.folder / 'host_key.pub').read_text().strip()}", file=known)


def keygen(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "zoo", "-f", str(path)]
    subprocess.run(command, check=True)


@contextmanager
def board(folder: Path, settings: str = "") -> Iterator[Board]:
    """A server that runs until the block ends. settings: more lines of its configuration."""
    assert SSHD is not None
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # which it goes to when it gives up what root may
    for name in ("host_key", "key"):
        keygen(folder / name)
    shutil.copy(folder / "key.pub", folder / "authorized_keys")
    port = free_port()
    (folder / "sshd_config").write_text(settings + _CONFIG.format(port=port, folder=folder))
    here = Board(folder, port)
    here.know(port)
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
    try:
        _wait_for(port, folder / "sshd.log")
        yield here
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"sshd does not start: {log.read_text()}")


class Way:
    """A way to a port of this machine that counts what goes over it, and can be slow, cut and closed."""

    def __init__(self, port: int, bytes_a_second: float | None = None) -> None:
        self._to, self._rate = port, bytes_a_second
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.port: int = self._listener.getsockname()[1]
        self.sent, self.received, self.connections = 0, 0, 0
        self.after: Callable[[], None] = lambda: None
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> int:
        """Cut all connections that there are now; how many were."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        return len(pairs)

    def close(self) -> None:
        """Cut, and let nobody in any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # which wakes who waits in it
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self.connections += 1
            self._pairs.append((near, far))
            for pair, there in (((near, far), True), ((far, near), False)):
                threading.Thread(target=self._carry, args=(*pair, there), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, there: bool) -> None:
        with suppress(OSError):
            while part := source.recv(4096 if self._rate else 1 << 16):
                target.sendall(part)
                if there:
                    self.sent += len(part)
                else:
                    self.received += len(part)
                self.after()
                if self._rate:
                    time.sleep(len(part) / self._rate)
        self._pairs = [pair for pair in self._pairs if source not in pair]
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


ADB = """#!{python}
import os, sys
serial, rest = sys.argv[2], sys.argv[3:]
if sys.argv[1] != "-s" or serial != "phone-1":
    sys.exit(f"adb: device '{{serial}}' not found")
if rest[:2] != ["shell", "-T"]:
    sys.exit(f"adb: unknown command {{rest[0]}}")
os.execv("/bin/sh", ["sh", "-c", " ".join(rest[2:])])
"""


def stand_in_for_adb(folder: Path) -> None:
    """A program `adb` in a folder, with one phone, which is this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "adb"
    program.write_text(ADB.format(python=sys.executable))
    program.chmod(0o755)
