"""What surrounds a build: commit, packages, machine."""

import subprocess
from importlib.metadata import version
from pathlib import Path

from zoo.history.environment import Environment, commit


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_commit_is_gits_and_says_of_changed_files(tmp_path):
    assert commit([tmp_path]) is None
    (tmp_path / "zoo").mkdir()
    git(tmp_path / "zoo", "init", "-q")
    (tmp_path / "zoo/config.yaml").write_text("models: {}\n")
    git(tmp_path / "zoo", "add", ".")
    git(tmp_path / "zoo", "commit", "-qm", "a")
    clean = commit([tmp_path, tmp_path / "zoo"])
    assert clean is not None and len(clean) == 12, "the first folder that is in a repository"
    (tmp_path / "zoo/config.yaml").write_text("models: {a: {}}\n")
    assert commit([tmp_path / "zoo"]) == f"{clean}-dirty"


def test_packages_and_machine_are_those_at_hand(tmp_path):
    now = Environment.now(tmp_path)
    assert now.versions == {name: version(name) for name in ("ncnn", "torch", "onnxruntime")}
    assert now.host and now.processor and now.time.endswith("Z")
