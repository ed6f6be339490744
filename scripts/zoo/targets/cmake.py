"""What compiles ncnn of its own source into a program for a target: CMake's files, the tools, and the call.

The agent is made so, and the program of a bundle.
"""

import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.host import is_one

AGENT = Path(__file__).with_name("agent")
"""The agent's source."""
NCNN = Path(__file__).with_name("ncnn")
"""What has ncnn compiled: as a library, or within another program."""
_CROSS = {
    "aarch64": "aarch64-linux-gnu",
    "armhf": "arm-linux-gnueabihf",
    "riscv64": "riscv64-linux-gnu",
}
"""An architecture that Debian has a cross compiler for -> what that one calls it."""
SHARED = ("ncnn.cmake", *(f"toolchain-{architecture}.cmake" for architecture in _CROSS))
"""Files there that programs are made with whose folder has a copy of them."""


@dataclass(frozen=True)
class Tools:
    """What builds programs for an architecture. package: of Debian, the compiler; toolchain: of `SHARED`."""

    compiler: str
    package: str
    toolchain: str | None = None

    def check(self, what: str, more: Mapping[str, bool] | None = None) -> None:
        """Raises ZooError, naming what to install, if a tool is missing. what: that is to be built.

        more: other packages of Debian that it takes, and whether each is there.
        """
        there = {
            self.package: shutil.which(self.compiler) is not None,
            "cmake": shutil.which("cmake") is not None,
            "make": any(map(shutil.which, ("make", "ninja"))),
            **(more or {}),
        }
        if missing := [package for package, is_there in there.items() if not is_there]:
            raise ZooError(
                f"{what} cannot be built on this machine: install {' '.join(missing)} (Debian's packages)"
            )


def tools_for(architecture: str, machine: str | None = None) -> Tools:
    """What builds programs for an architecture on a machine, by default this one. Raises ZooError for an
    architecture that nothing builds for."""
    own = machine or platform.machine()
    if is_one(architecture, own):
        return Tools("g++", "g++")
    if compiler := _CROSS.get(architecture):
        return Tools(f"{compiler}-g++", f"g++-{compiler}", f"toolchain-{architecture}.cmake")
    others = ", ".join(each for each in _CROSS if not is_one(each, own))
    raise ZooError(f"nothing is built for {architecture} here, but for {others} and {own}")


def built(
    program: str,
    sources: Path,
    build: Path,
    tools: Tools,
    definitions: Mapping[str, str],
    processes: int = 1,
) -> Path:
    """The program of that name, by the CMakeLists.txt in a folder, in the folder `build`, or another target.

    Raises ZooError with the compiler's last words if it does not build.
    """
    given = dict(definitions)
    if tools.toolchain:
        own = sources / tools.toolchain
        given["CMAKE_TOOLCHAIN_FILE"] = str((own if own.is_file() else NCNN / tools.toolchain).absolute())
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    options = [f"-D{name}={value}" for name, value in given.items()]
    _call(program, "cmake", *generator, "-S", str(sources), "-B", str(build), *options)
    _call(program, "cmake", "--build", str(build), "--target", program, "--parallel", str(processes))
    return build / program


def install(build: Path, folder: Path) -> None:
    """Put what was built in a folder of CMake's, such as a library with its headers, into another."""
    _call(build.name, "cmake", "--install", str(build), "--prefix", str(folder))


def _call(program: str, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
        errors = [line for line in lines if "error:" in line or line.startswith(("CMake Error", "FAILED"))]
        raise ZooError(f"the program {program} does not build: {' / '.join((errors or lines)[-4:])}")
