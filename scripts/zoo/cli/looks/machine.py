"""Is this machine fit: what it computes with, and what is installed and at hand."""

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_GB = 1e9
_ROOM = 8
"""GB that the environment and a zoo of a few models take."""
BASE = ("ncnn", "onnxruntime", "onnx", "numpy")
BUILD = ("snakemake", "torch", "torchvision", "timm", "pnnx", "onnxsim", "huggingface-hub")
_HELPS = {
    "x86_64": {
        "avx2": "AVX2",
        "f16c": "F16C",
        "avx512f": "AVX-512",
        "avx512_vnni": "VNNI",
        "avx_vnni": "AVX-VNNI",
    },
    "aarch64": {"asimdhp": "fp16", "asimddp": "dot products", "i8mm": "i8mm", "bf16": "bf16", "sve": "SVE"},
}
"""Of a processor's features, by Linux's names, those that ncnn has kernels for."""
_INT8 = ("avx512_vnni", "avx_vnni", "asimddp", "i8mm")


@dataclass(frozen=True)
class Fact:
    """A thing about the machine. ok: None where it is neither good nor bad; advice: what to do."""

    name: str
    value: str
    ok: bool | None = True
    advice: str = ""


def facts(folder: Path = Path()) -> Iterator[Fact]:
    """All of them, for builds in a folder."""
    yield Fact("Python", platform.python_version())
    yield _processor()
    yield from _room(folder)
    yield from _packages()
    yield _vulkan()
    yield _hub()


def _processor() -> Fact:
    from zoo.jobs.surroundings import cpu_features, cpu_name
    from zoo.runners.hardware import cpu_count

    helps, has = _HELPS.get(platform.machine(), {}), cpu_features()
    told = ", ".join(title for feature, title in helps.items() if feature in has)
    slow = bool(helps) and not set(_INT8) & set(has)
    advice = (
        "it has no instructions for int8's dot products, so int8 may be no faster than fp32" if slow else ""
    )
    return Fact(
        "processor",
        f"{cpu_name()}, {cpu_count()} cores ({told or 'no features told'})",
        None if slow else True,
        advice,
    )


def _room(folder: Path) -> Iterator[Fact]:
    import psutil

    memory, free = psutil.virtual_memory().total / _GB, shutil.disk_usage(folder).free / _GB
    yield Fact(
        "memory",
        f"{memory:.1f} GB",
        memory > 4 or None,
        "" if memory > 4 else "enough to run, little to build",
    )
    yield Fact(
        "disk",
        f"{free:.1f} GB free here",
        free > _ROOM or None,
        "" if free > _ROOM else "a zoo may need more",
    )


def _packages() -> Iterator[Fact]:
    from importlib.metadata import PackageNotFoundError, version

    for names, extra in (
        (BASE, ""),
        (BUILD, "build"),
        (("open-clip-torch",), "clip"),
        (("litserve",), "serve"),
    ):
        for name in names:
            try:
                yield Fact(name, version(name))
            except PackageNotFoundError:
                package = f"ncnn-zoo[{extra}]" if extra else "ncnn-zoo"
                yield Fact(name, "not installed", None if extra else False, f"pip install '{package}'")


def _vulkan() -> Fact:
    try:
        from zoo.runners.vulkan import find_vulkan_device

        device = find_vulkan_device()
    except ImportError:
        return Fact("Vulkan", "unknown without ncnn", False)
    if device is None:
        return Fact("Vulkan", "no device", None, "gpu cannot be built here (Debian: libvulkan1 and a driver)")
    told = "a program on the CPU, whose times say nothing of a GPU" if device.software else ""
    return Fact("Vulkan", f"{device.name}, driver {device.driver}", None if device.software else True, told)


def _hub() -> Fact:
    """Whether the model hub answers, which huggingface_hub knows the address of."""
    import urllib.error
    import urllib.request

    try:
        from huggingface_hub import constants
    except ImportError:
        return Fact("hub", "not asked without huggingface-hub", None)
    if constants.HF_HUB_OFFLINE:
        return Fact("hub", "HF_HUB_OFFLINE is set", None, "weights come from the cache or from files")
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return Fact("hub", constants.ENDPOINT)
    except urllib.error.HTTPError:
        return Fact("hub", constants.ENDPOINT)  # it answers
    except OSError as error:
        reason = getattr(error, "reason", error)
        advice = "models of the hub need a mirror (HF_ENDPOINT), a cache (HF_HUB_CACHE) or weights: {file: …}"
        return Fact("hub", f"{constants.ENDPOINT} cannot be reached ({reason})", None, advice)
