"""The Vulkan device that ncnn would use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import ncnn

from zoo.errors import ZooError

_CPU_DEVICE = 3  # ncnn's GpuInfo.type(): 0 discrete, 1 integrated, 2 virtual, 3 a CPU
_NVIDIA = 0x10DE


@dataclass(frozen=True)
class VulkanDevice:
    """index: ncnn's; software: the "GPU" is a program on the CPU, such as Mesa's lavapipe. driver: the
    version that the driver tells of itself."""

    index: int
    name: str
    software: bool
    driver: str


@cache
def find_vulkan_device() -> VulkanDevice | None:
    """ncnn's default Vulkan device, or None where there is none."""
    with _quiet():
        if ncnn.get_gpu_count() == 0:
            return None
        index = ncnn.get_default_gpu_index()
        info = ncnn.get_gpu_info(index)
    driver = driver_version(info.driver_version(), info.vendor_id())
    return VulkanDevice(index, info.device_name(), info.type() == _CPU_DEVICE, driver)


def driver_version(number: int, vendor: int) -> str:
    """A driver's version as people write it, from Vulkan's `driverVersion` and `vendorID`: NVIDIA packs it
    in 10, 8, 8 and 6 bits, others as Vulkan does its own, in 10, 10 and 12."""
    widths = (10, 8, 8, 6) if vendor == _NVIDIA else (10, 10, 12)
    parts = []
    for width in reversed(widths):
        parts.append(number & ((1 << width) - 1))
        number >>= width
    return ".".join(str(part) for part in reversed(parts))


def vulkan_device() -> VulkanDevice:
    """Like `find_vulkan_device`, but its absence is a ZooError."""
    device = find_vulkan_device()
    if device is None:
        raise ZooError(
            "this machine has no Vulkan device, and a gpu artifact is never run on the CPU instead: install "
            "the GPU's Vulkan driver (or a software one: libvulkan1 and mesa-vulkan-drivers on Debian), or "
            "build for the device cpu"
        )
    return device


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the native code's list of devices off the terminal."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
