"""The tiny zoo as fixtures: built once, then copied for every test that changes something."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from samples.workflow import BUILT, Zoo, make_zoo


@pytest.fixture(scope="session")
def built_zoo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Zoo:
    """The tiny zoo with BUILT made. Tests must not change it: see `zoo`.

    The first of pytest's processes that needs it builds it. Each has a copy, for Snakemake locks a folder.
    """
    base = tmp_path_factory.getbasetemp()
    built = (base if worker_id == "master" else base.parent) / "built_zoo"
    with FileLock(f"{built}.lock"):
        if not built.exists():
            zoo = make_zoo(tmp_path_factory.mktemp("building") / "zoo")
            zoo.build(*BUILT)
            zoo.folder.rename(built)
    return copied(Zoo(built), tmp_path_factory.mktemp("workflow") / "zoo")


@pytest.fixture
def zoo(built_zoo: Zoo, tmp_path: Path) -> Zoo:
    """A copy of the built zoo, with times of change kept, to edit at will."""
    return copied(built_zoo, tmp_path / "zoo")


@pytest.fixture
def fresh_zoo(tmp_path: Path) -> Zoo:
    """A tiny zoo in which nothing was built."""
    return make_zoo(tmp_path / "zoo")


def copied(zoo: Zoo, folder: Path) -> Zoo:
    return Zoo(shutil.copytree(zoo.folder, folder, symlinks=True))
