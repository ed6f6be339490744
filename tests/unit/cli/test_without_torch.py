"""Where only files are run, nothing of what builds them is needed: `make runtime` installs none of it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from samples.artifacts import make_tree, pair, photos, reference
from samples.ncnn import small_network

PROJECT = Path(__file__).resolve().parents[3]
LOCK = (PROJECT / "requirements-runtime.txt").read_text(encoding="utf-8")
BUILD = {
    *("torch", "torchvision", "timm", "snakemake", "pnnx", "onnxsim", "onnx2torch", "huggingface_hub"),
    *("safetensors", "httpx2", "open_clip", "sklearn", "scipy", "sympy", "cyclonedx_py"),
}
BLOCK = """from importlib.machinery import PathFinder
find = PathFinder.find_spec
def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in {names} else find(name, path, target)
PathFinder.find_spec = staticmethod(find_spec)
"""


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A zoo's folder with an artifact, its reference and a photograph."""
    make_tree(tmp_path)
    (tmp_path / "photos").mkdir()
    samples = photos(tmp_path / "photos")
    choice = {"verification": {"path": "photos", "images": 3}}
    config = {"models": {"small": {"timm": "test_resnet"}}, "defaults": choice}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "results/reference/small").mkdir(parents=True)
    reference(small_network(), samples, tmp_path).save(tmp_path / "results/reference/small/verification.npz")
    pair(small_network(), tmp_path / "results/cpu/small", "fp16")
    # Read by every interpreter that starts, those of child processes too.
    (tmp_path / "block").mkdir()
    (tmp_path / "block/sitecustomize.py").write_text(BLOCK.format(names=BUILD))
    return tmp_path


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / "block"), str(PROJECT / "scripts")])
    return subprocess.run(
        [sys.executable, "-m", "zoo.cli.main", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )


pytestmark = pytest.mark.long(25)

PARAM = "results/cpu/small/fp32.param"


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", PARAM, "photos/0.png"),
        ("verify", PARAM),
        ("bench", PARAM, "--runs", "2"),
        ("compare", PARAM, "results/cpu/small/fp16.param", "photos/0.png"),
        ("status",),
        ("serve", "--help"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_files_are_run_without_what_builds_them(zoo: Path, arguments: tuple[str, ...]):
    done = call(zoo, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_what_is_served_is_loaded_without_them(zoo: Path):
    done = call(zoo, "serve", PARAM, "--host", "127.0.0.1", "--port", "70000")
    assert done.returncode == 2
    code = "import zoo.serving.service, sys; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    path = os.pathsep.join([str(zoo / "block"), str(PROJECT / "scripts")])
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, check=True)


def test_what_needs_them_says_which_extra_brings_them(zoo: Path):
    for arguments in (("build", "small"), ("init", "resnet18"), ("doctor", "resnet18")):
        done = call(zoo, *arguments)
        assert done.returncode == 1 and "pip install 'ncnn-zoo[build]'" in done.stderr, done.stderr


def test_the_machine_is_fit_without_them(zoo: Path):
    facts = {each["name"]: each for each in json.loads(call(zoo, "doctor", "--json").stdout)}
    assert facts["ncnn"]["ok"] and facts["hub"]["ok"] is None


def test_the_lock_of_the_runtime_has_what_the_package_asks_for_and_nothing_that_builds():
    pinned = set(re.findall(r"^([a-z0-9.-]+)==", LOCK, re.MULTILINE))
    asked = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert {*asked["dependencies"], *asked["optional-dependencies"]["serve"]} <= pinned
    assert not pinned & {name.replace("_", "-") for name in BUILD}
    assert not [name for name in pinned if name.startswith(("nvidia", "cuda", "triton"))]
