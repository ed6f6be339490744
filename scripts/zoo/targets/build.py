"""The agent, compiled against ncnn's own source, and kept: what it is made of decides where.

It lies in `$XDG_CACHE_HOME/ncnn-zoo` (by default `~/.cache/ncnn-zoo`), for the zoos of a machine share it.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from importlib.metadata import version
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.host import ARM64
from zoo.targets.layers import cut_down
from zoo.targets.source import fetch, pinned

AGENT = Path(__file__).with_name("agent")
"""Its source."""
BASELINE = "NCNN_ZOO_BASELINE"
"""A variable of the environment that, for tests, leaves out all kernels for newer processors of x86."""
_JSON = Path("nlohmann/json.hpp")
_INCLUDES = ("/usr/include", "/usr/local/include", "/opt/homebrew/include")


@dataclass(frozen=True)
class Tools:
    """What builds an agent for an architecture. package: Debian's, of the compiler."""

    compiler: str
    package: str
    toolchain: str | None = None

    def check(self, architecture: str) -> None:
        """Raises ZooError, naming what to install, if one of the tools is missing."""
        missing = {
            self.package: shutil.which(self.compiler) is None,
            "cmake": shutil.which("cmake") is None,
            "make": shutil.which("make") is None and shutil.which("ninja") is None,
            "nlohmann-json3-dev": _json_include() is None,
        }
        if packages := [package for package, lacks in missing.items() if lacks]:
            raise ZooError(
                f"the agent for {architecture} cannot be built on this machine: install "
                f"{' '.join(packages)} (Debian's packages)"
            )


def tools_for(architecture: str, machine: str | None = None) -> Tools:
    """What builds an agent for an architecture on a machine, by default this one. Raises ZooError for an
    architecture that nothing builds for."""
    own = machine or platform.machine()
    if architecture == own or {architecture, own} <= set(ARM64):
        return Tools("g++", "g++")
    if architecture == "aarch64":
        return Tools("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu", "toolchain-aarch64.cmake")
    raise ZooError(f"there is no agent for {architecture}; there is one for aarch64, and on {own} for {own}")


def agent_program(
    architecture: str, requirements: Path, layers: Collection[str] | None = None, processes: int = 1
) -> Path:
    """The agent for an architecture, from the cache, or built, which takes minutes.

    requirements: the file that pins ncnn. layers: ncnn's layer types that it must have, None for all.
    Raises ZooError if a tool is missing, ncnn's source is not to be had, or it does not build.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ncnn-zoo"
    program = cache / f"agent-{architecture}-{key_of(architecture, requirements, layers)}"
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(program.with_suffix(".lock")):
        if not program.is_file():
            tools = tools_for(architecture)
            tools.check(architecture)
            with tempfile.TemporaryDirectory(dir=cache, prefix=".building-") as scratch:
                source = fetch(requirements, Path(scratch) / "source")
                built = _build(architecture, tools, source, layers, processes)
                built.replace(program)
    return program


def key_of(architecture: str, requirements: Path, layers: Collection[str] | None) -> str:
    """Changes with everything that an agent is made of, but for the compiler."""
    digest = hashlib.sha256(f"{architecture} {pinned(requirements)}{_baseline()}".encode())
    digest.update(b"all" if layers is None else " ".join(sorted(layers)).encode())
    for file in sorted(path for path in AGENT.iterdir() if path.is_file()):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _build(
    architecture: str, tools: Tools, source: Path, layers: Collection[str] | None, processes: int
) -> Path:
    build = source.parent / "build"
    definitions = {
        "NCNN_SOURCE": str(source),
        "NCNN_VERSION": version("ncnn").rpartition(".")[2],
        "JSON_INCLUDE": str(_json_include()),
        "BASELINE": _baseline() or "OFF",
        **({} if layers is None else cut_down(layers, source, architecture)),
        **({"CMAKE_TOOLCHAIN_FILE": str(AGENT / tools.toolchain)} if tools.toolchain else {}),
    }
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    given = [f"-D{name}={value}" for name, value in definitions.items()]
    _call("cmake", *generator, "-S", str(AGENT), "-B", str(build), *given)
    _call("cmake", "--build", str(build), "--target", "agent", "--parallel", str(processes))
    return build / "agent"


def _baseline() -> str:
    return "ON" if os.environ.get(BASELINE) == "1" else ""


def _json_include() -> Path | None:
    """The folder of headers that has nlohmann's JSON."""
    return next((Path(each) for each in _INCLUDES if (Path(each) / _JSON).is_file()), None)


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        errors = [line for line in lines if "error" in line.lower() or line.startswith("FAILED")]
        raise ZooError(f"the agent does not build: {' / '.join((errors or lines)[-4:])}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Jobs of several builds that need the same agent: one builds it, the others wait."""
    with path.open("w") as handle:
        flock(handle, LOCK_EX)
        yield
