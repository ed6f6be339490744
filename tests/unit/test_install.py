"""`make` sets up an environment: from locks that are for every platform, with torch for the CPU if asked to.

Indexes are served on loopback, with stand-ins for wheels: nothing is fetched from anywhere else.
"""

import base64
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from samples.loopback import Handler, served

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = sorted(PROJECT.glob("requirements*.txt"))
FULL = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
MACHINES = {
    "Linux x86-64": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    "Linux arm64": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    "macOS arm64": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
}
BACKEND = '''"""Builds a package that holds nothing."""
import zipfile

def build_editable(folder, settings=None, metadata=None):
    return build_wheel(folder)

def build_wheel(folder, settings=None, metadata=None):
    name = "mine-1.0-py3-none-any.whl"
    info = "mine-1.0.dist-info"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as archive:
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: mine\\nVersion: 1.0\\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(f"{info}/RECORD", "")
    return name
'''

pytestmark = pytest.mark.long(25)


def wheel(index: Path, name: str, version: str, needs: str = "") -> str:
    """A stand-in in an index; returns the line of a lock that pins it."""
    title = name.replace("-", "_")
    path = index / name / f"{title}-{version}-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    info = f"{title}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {needs}\n" * bool(needs)
    )
    files = {
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        file: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for file, text in files.items()
    }
    record = "".join(
        f"{file},sha256={digest.decode().rstrip('=')},{len(files[file])}\n"
        for file, digest in digests.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            archive.writestr(file, text)
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class Index(Handler, SimpleHTTPRequestHandler):
    """The files of a folder."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with our Makefile whose lock pins stand-ins, and two indexes: only one has CUDA."""
    usual = tmp_path / "indexes/usual"
    lock = [
        wheel(usual, "cuda-toolkit", "1.0"),
        wheel(usual, "nvidia-cublas", "1.0"),
        wheel(usual, "small", "1.0", needs="torch"),
        wheel(usual, "torch", "1.0", needs="nvidia-cublas"),
        wheel(usual, "torchvision", "1.0", needs="torch"),
        wheel(usual, "triton", "1.0"),
    ]
    for name in ("torch", "torchvision"):
        wheel(tmp_path / "indexes/cpu", name, "1.0+cpu")
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(PROJECT / "Makefile", project)
    (project / "requirements.txt").write_text("".join(lock))
    (project / "requirements-runtime.txt").write_text(lock[1])
    (project / "backend.py").write_text(BACKEND)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return project


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    with served(partial(Index, directory=str(project.parent / "indexes"))) as address:
        own = {
            "PIP_INDEX_URL": f"{address}/usual",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
            "PIP_EXTRA_INDEX_URL": "",
            "PIP_FIND_LINKS": "",
        }
        command = [
            "make",
            f"PYTHON={sys.executable}",
            *(each.replace("@", address) for each in arguments),
        ]
        return subprocess.run(command, cwd=project, env=os.environ | own, capture_output=True, text=True)


def installed(environment: Path) -> set[str]:
    found = environment.glob("lib/python*/site-packages/*.dist-info")
    names = {"-".join(path.name.removesuffix(".dist-info").split("-")[:2]) for path in found}
    return {name for name in names if not name.startswith(("pip-", "setuptools-"))}


def test_without_more_all_of_the_lock_is_installed_and_its_size_is_said_first(project: Path):
    done = make(project, ".venv/run", "TORCH=cuda")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Installing: .*GB", done.stdout.splitlines()[0])
    assert installed(project / ".venv") == {
        *("cuda_toolkit-1.0", "nvidia_cublas-1.0", "small-1.0", "torch-1.0", "torchvision-1.0", "triton-1.0"),
        "mine-1.0",
    }


def test_torch_for_the_cpu_comes_from_the_index_that_is_named_and_brings_no_cuda(project: Path):
    done = make(project, ".venv/run", "TORCH=cpu", "TORCH_INDEX=@/cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(project / ".venv") == {"small-1.0", "torch-1.0+cpu", "torchvision-1.0+cpu", "mine-1.0"}


def test_torch_for_the_cpu_without_an_index_is_refused_before_anything_is_made(project: Path):
    done = make(project, ".venv/run", "TORCH=cpu")
    assert done.returncode != 0 and "TORCH=cpu needs TORCH_INDEX=…" in done.stdout
    assert not (project / ".venv").exists()


def test_the_runtime_is_an_environment_of_its_own(project: Path):
    done = make(project, "runtime")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(project / ".venv-runtime") == {"nvidia_cublas-1.0", "mine-1.0"}
    assert not (project / ".venv").exists()


def requirements(lock: str) -> list[Requirement]:
    return [Requirement(line.rstrip("\\ ")) for line in re.findall(r"^[a-z0-9].*$", lock, re.MULTILINE)]


def taken(lock: str, machine: str) -> set[str]:
    """The packages that a machine installs, with Python 3.12."""
    own = MACHINES[machine] | {"python_version": "3.12", "python_full_version": "3.12.1"}
    own |= {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    return {each.name for each in requirements(lock) if each.marker is None or each.marker.evaluate(own)}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_gets_what_builds_and_only_linux_cuda(machine: str):
    names = taken(FULL, machine)
    assert {"torch", "timm", "ncnn", "pnnx", "snakemake", "onnxruntime", "litserve"} <= names
    has_cuda = any(name.startswith(("nvidia-", "cuda-", "triton")) for name in names)
    assert has_cuda == machine.startswith("Linux"), "as torch's wheels of the lock ask for"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_locks_have_hashes_and_name_no_index(lock: Path):
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text and "--index" not in text
    for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block, block


def test_the_full_lock_has_what_the_package_and_each_extra_ask_for():
    asked = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = [each for names in asked["optional-dependencies"].values() for each in names]
    wanted = {Requirement(each).name for each in [*asked["dependencies"], *extras]} - {"ncnn-zoo"}
    assert wanted <= {each.name for each in requirements(FULL)}
    assert requirements(FULL)  # and no version of the other locks is another
    pinned = {each.name: str(each.specifier) for each in requirements(FULL)}
    for lock in LOCKS:
        for each in requirements(lock.read_text(encoding="utf-8")):
            assert pinned.get(each.name, str(each.specifier)) == str(each.specifier), (lock.name, each.name)


def test_what_snakemakes_own_report_needs_is_installed_with_it():
    wanted = [Requirement(each) for each in importlib.metadata.requires("snakemake") or []]
    optional = [each.name for each in wanted if "report" in str(each.marker)]
    assert optional and all(re.search(rf"^{re.escape(name)}==", FULL, re.MULTILINE) for name in optional)
