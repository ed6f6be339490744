"""The Vulkan device that gpu artifacts run on."""

import os
import subprocess
import sys

import pytest

from zoo.errors import ZooError
from zoo.runners.vulkan import driver_version, vulkan_device

FIND = "from zoo.runners.vulkan import find_vulkan_device; print(find_vulkan_device())"


def python(code: str, **environment: str) -> subprocess.CompletedProcess:
    """Run code in a fresh process: the device is looked for once in each."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
def test_the_device_has_a_name_and_finding_it_prints_nothing():
    device = vulkan_device()
    assert device.name and device.index >= 0
    assert device.software or "llvmpipe" not in device.name  # Mesa's software device
    found = python(FIND)
    assert found.stdout.strip() == repr(device) and found.stderr == ""


def test_the_version_of_a_driver_is_unpacked_as_its_maker_packs_it():
    assert driver_version(550 << 22 | 54 << 14 | 15 << 6, 0x10DE) == "550.54.15.0"
    assert driver_version(24 << 22 | 2 << 12 | 8, 0x1002) == "24.2.8"


def test_no_device_is_none_to_those_who_ask():
    assert python(FIND, VK_DRIVER_FILES="/nonexistent.json").stdout.strip() == "None"


def test_no_device_is_an_error_to_those_who_need_one(monkeypatch):
    monkeypatch.setattr("zoo.runners.vulkan.find_vulkan_device", lambda: None)
    with pytest.raises(
        ZooError, match="no Vulkan device, and a gpu artifact is never run on the CPU instead"
    ):
        vulkan_device()
