"""The tiny zoo as fixtures: built once, then copied for every test that changes something."""

import shutil
from pathlib import Path

import pytest

from samples.workflow import BUILT, Zoo, make_zoo


@pytest.fixture(scope="session")
def built_zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """The tiny zoo with BUILT made. Tests must not change it: see `zoo`."""
    zoo = make_zoo(tmp_path_factory.mktemp("workflow") / "zoo")
    zoo.build(*BUILT)
    return zoo


@pytest.fixture
def zoo(built_zoo: Zoo, tmp_path: Path) -> Zoo:
    """A copy of the built zoo, with times of change kept, to edit at will."""
    shutil.copytree(built_zoo.folder, tmp_path / "zoo", copy_function=shutil.copy2, symlinks=True)
    return Zoo(tmp_path / "zoo")


@pytest.fixture
def fresh_zoo(tmp_path: Path) -> Zoo:
    """A tiny zoo in which nothing was built."""
    return make_zoo(tmp_path / "zoo")
