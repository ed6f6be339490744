"""What a test may need from the machine."""

import os
import shutil
from pathlib import Path

import pytest

pytest_plugins = ["shards"]


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


@pytest.fixture(scope="session")
def arm_agent() -> Path:
    """The agent for 64-bit ARM with the layer types that tests need; the first time it takes a minute."""
    from samples.agents import LAYERS
    from zoo.errors import ZooError
    from zoo.targets.build import agent_program, check_tools
    from zoo.targets.carriers import EMULATOR, Emulated, emulation

    try:
        check_tools("aarch64")
    except ZooError as error:
        require(False, str(error))
    emulated = isinstance(emulation("cortex-a76"), Emulated)
    require(not emulated or shutil.which(EMULATOR) is not None, "QEMU (Debian's package qemu-user-static)")
    requirements = Path(__file__).resolve().parents[1] / "requirements.txt"
    return agent_program("aarch64", requirements, LAYERS, os.cpu_count() or 1)


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
