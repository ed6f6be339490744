"""What a job runs in: tools by version, the machine, the commit of the code. None can be known later."""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

HOME = Path(__file__).resolve().parents[3]
"""ncnn-zoo's folder."""

TOOLS = (
    "torch",
    "torchvision",
    "timm",
    "open_clip_torch",
    "onnx",
    "onnx2torch",
    "onnxruntime",
    "onnxsim",
    "ncnn",
    "pnnx",
    "numpy",
    "pillow",
    "snakemake",
)
"""The distributions whose version decides what an artifact is; Python is the last of them."""

FEATURES = (
    "sse4_1",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "fphp",
    "asimdhp",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
    "sve2",
)
"""What kernels of the runtimes ask a processor for, by Linux's names."""


@dataclass(frozen=True)
class Machine:
    """system: the kernel and the C library; architecture, cpu: the processor's; features: which of FEATURES
    it has; cores: CPUs that the job might use."""

    system: str
    architecture: str
    cpu: str
    features: tuple[str, ...]
    cores: int


@dataclass(frozen=True)
class Commit:
    """The commit of ncnn-zoo's code; dirty: whether a file that git knows differed from it."""

    id: str
    dirty: bool

    def __str__(self) -> str:
        return f"{self.id[:12]}{'-dirty' if self.dirty else ''}"


@dataclass(frozen=True)
class Surroundings:
    """tools: versions by name; environment: see `environment`; commit: None outside of git."""

    tools: Mapping[str, str]
    environment: str
    machine: Machine
    commit: Commit | None

    @classmethod
    @cache
    def own(cls) -> Self:
        """Those of this process, which are looked up once."""
        cores = len(os.sched_getaffinity(0))
        machine = Machine(platform.platform(), platform.machine(), cpu_name(), cpu_features(), cores)
        return cls(tools(), environment(), machine, commit(HOME))

    def against(self, today: "Surroundings") -> str:
        """Which tools and which processor are others today, as a phrase."""
        names = dict.fromkeys((*self.tools, *today.tools))
        pairs = [(name, self.tools.get(name, "none"), today.tools.get(name, "none")) for name in names]
        changed = [f"{name} {was} then, {now} now" for name, was, now in pairs if was != now]
        if self.machine.cpu != today.machine.cpu:
            changed.append(f"on {self.machine.cpu} then, on {today.machine.cpu} now")
        return "; ".join(changed) or "by the same versions on the same kind of processor"


def tools() -> dict[str, str]:
    """The version of Python, and of those of TOOLS that are installed."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version()}
    for name in TOOLS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def environment() -> str:
    """Changes with Python's version, and when a distribution is installed, removed or exchanged: a hash, in
    hex, of the names of their folders, so that a build that starts can ask."""
    names: set[str] = set()
    for folder in filter(os.path.isdir, sys.path):
        entries = (entry.name for entry in os.scandir(folder))
        names.update(name for name in entries if name.endswith((".dist-info", ".egg-info")))
    return hashlib.sha256("\n".join([platform.python_version(), *sorted(names)]).encode()).hexdigest()[:16]


@cache
def cpu_name() -> str:
    """The processor's marketing name, or its architecture where the system does not tell."""
    return _cpu_line("model name") or platform.processor() or platform.machine()


def cpu_features() -> tuple[str, ...]:
    """Which of FEATURES the processor has; none where the system does not tell."""
    flags = (_cpu_line("flags") or _cpu_line("Features")).split()
    return tuple(name for name in FEATURES if name in flags)


def _cpu_line(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == key), "")


def commit(folder: Path) -> Commit | None:
    """The commit that is checked out in a folder; None if git does not know what lies in it."""
    if not _git(folder, "ls-files", "--", "."):
        return None  # a copy within somebody's repository, or no repository
    head = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return Commit(head, bool(changes)) if head and changes is not None else None


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None if it fails, or is not installed."""
    command = ["git", "-C", str(folder), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
