"""What surrounds a build: commit, packages, machine."""

import subprocess
from importlib.metadata import version
from pathlib import Path

from zoo.history.environment import Environment, commit_of


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_commit_is_that_of_the_first_folder_that_git_knows(tmp_path):
    assert commit_of(tmp_path) is None
    (tmp_path / "zoo").mkdir()
    git(tmp_path / "zoo", "init", "-q")
    (tmp_path / "zoo/config.yaml").write_text("models: {}\n")
    git(tmp_path / "zoo", "add", ".")
    git(tmp_path / "zoo", "commit", "-qm", "a")
    clean = commit_of(tmp_path, tmp_path / "zoo")
    assert clean is not None and len(clean) == 12
    (tmp_path / "zoo/config.yaml").write_text("models: {a: {}}\n")
    assert commit_of(tmp_path / "zoo") == f"{clean}-dirty"


def test_a_folder_in_somebody_elses_repository_has_not_its_commit(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "notes.txt").write_text("a\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    (tmp_path / "zoo").mkdir()
    assert commit_of(tmp_path / "zoo") is None


def test_packages_and_machine_are_those_at_hand(tmp_path):
    now = Environment.now(tmp_path)
    assert now.versions == {name: version(name) for name in ("ncnn", "torch", "onnxruntime")}
    assert now.host and now.processor and now.time.endswith("Z")
