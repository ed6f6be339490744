"""What a test may need from the machine."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from samples.boards import Board

pytest_plugins = ["shards"]

os.environ["NCNN_ZOO_BASELINE"] = "1"  # the agent for x86 is then built in a third of the time
# Whatever was there before: a zoo's jobs are to find its own library.
os.environ["PYTHONPATH"] = str(Path(__file__).parent / "samples/as_installed")


def require(present: bool, what: str) -> None:
    """Skip a test whose machine lacks `what`; fail it where everything is required, as in CI."""
    if not present:
        if os.environ.get("ZOO_REQUIRE_ALL") == "1":
            pytest.fail(f"{what} is missing, and ZOO_REQUIRE_ALL=1 asks for it")
        pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def vulkan() -> None:
    """A test that needs a Vulkan device."""
    from zoo.runners.vulkan import find_vulkan_device

    require(find_vulkan_device() is not None, "a Vulkan device (libvulkan1 and mesa-vulkan-drivers)")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a browser, for a test that needs one."""
    path = shutil.which("chromium")
    require(path is not None, "Chromium (Debian's package chromium)")
    return str(path)


@pytest.fixture(scope="session")
def compiler() -> str:
    """Path of a C++ compiler."""
    path = shutil.which("g++")
    require(path is not None, "a C++ compiler (Debian's package g++)")
    return str(path)


@pytest.fixture(scope="session")
def ssh_keygen() -> str:
    """Path of the program that makes keys and signs with them."""
    path = shutil.which("ssh-keygen")
    require(path is not None, "ssh-keygen (Debian's package openssh-client)")
    return str(path)


def agent_for_tests(architecture: str) -> Path:
    """The agent for an architecture, with the layer types that tests need; built the first time."""
    from samples.agents import LAYERS
    from zoo.errors import ZooError
    from zoo.jobs.host import is_one
    from zoo.targets.build import agent_program, check_tools
    from zoo.targets.carriers import EMULATORS

    try:
        check_tools(architecture)
    except ZooError as error:
        require(False, str(error))
    runs_here = is_one(architecture) or shutil.which(EMULATORS[architecture]) is not None
    require(runs_here, "QEMU (Debian's package qemu-user-static)")
    requirements = Path(__file__).resolve().parents[1] / "requirements.txt"
    return agent_program(architecture, requirements, LAYERS, os.cpu_count() or 1)


@pytest.fixture(scope="session")
def arm_agent() -> Path:
    """The agent for 64-bit ARM."""
    return agent_for_tests("aarch64")


@pytest.fixture(scope="session")
def own_agent(compiler: str) -> Path:
    """The agent for this machine."""
    return agent_for_tests(platform.machine())


@pytest.fixture(scope="session")
def sshd() -> str:
    """Path of a server of ssh, for boards that are this machine."""
    from samples.boards import SSHD

    clients = shutil.which("ssh") and shutil.which("ssh-keygen")
    require(SSHD is not None and clients is not None, "sshd (Debian's package openssh-server)")
    return str(SSHD)


@pytest.fixture(scope="session")
def board(sshd: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Board"]:
    """This machine as a board over ssh."""
    from samples import boards

    with boards.board(tmp_path_factory.mktemp("board")) as here:
        yield here


@pytest.fixture(scope="session")
def ncnn_library(compiler: str) -> Path:
    """ncnn in C++, as a folder for CMAKE_PREFIX_PATH; the first time it takes minutes to build."""
    from samples import ncnn_library

    require(shutil.which("cmake") is not None, "CMake (Debian's package cmake)")
    try:
        return ncnn_library.installed()
    except ncnn_library.Unavailable as error:
        require(False, str(error))
        raise
