"""The wheel brings the workflow along: a folder with a config.yaml is all that one needs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from samples.workflow import PROJECT, copy_project, make_zoo

pytestmark = pytest.mark.long(40)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel puts into an environment."""
    folder = tmp_path_factory.mktemp("package")
    source = copy_project(folder / "source").folder
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((PROJECT / name).read_bytes())
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*pip, "--target", folder / "site", source], check=True, timeout=300)
    return folder / "site"


def zoo(site: Path, folder: Path, *arguments: str) -> str:
    """What the installed command says in a folder."""
    done = subprocess.run(
        [sys.executable, site / "bin/zoo", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_folder_with_a_configuration_is_built_by_the_workflow_in_the_wheel(site: Path, tmp_path: Path):
    made = make_zoo(tmp_path / "made")
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("config.yaml", "photos", "others"):
        (made / name).rename(folder / name)
    zoo(site, folder, "build", "results/weights/one.json", "--cores", "2")
    assert (folder / "results/weights/one.safetensors").is_file()
    planned = zoo(site, folder, "build", "one", "--dry-run")
    assert re.search(r"^Job \d+: one is built and verified", planned, re.MULTILINE)
    assert "weights one" not in planned, "it is made, and by this code"
    assert "not built: one, two" in zoo(site, folder, "status")


def test_the_wheel_has_no_stray_files(site: Path):
    top = {path.name for path in site.iterdir()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"zoo", "bin"}
    assert {path.name for path in (site / "zoo/workflow").iterdir()} == {
        *("Snakefile", "requirements.txt", "rules", "scripts", "profiles", "calib")
    }
