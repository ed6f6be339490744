"""What a job runs in, as it is written down."""

import platform
import subprocess
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from zoo.jobs import surroundings
from zoo.jobs.surroundings import Commit, Surroundings, commit, cpu_features, cpu_name, environment, tools


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path) -> str:
    """The commit of a new repository with one file."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q")
    (folder / "code.py").write_text("1\n")
    git(folder, "add", "code.py")
    git(folder, "commit", "-qm", "first")
    return git(folder, "rev-parse", "HEAD")


def test_tools_have_the_versions_that_are_installed():
    versions = tools()
    assert versions["python"] == platform.python_version()
    assert versions["torch"] == version("torch") and versions["pnnx"] == version("pnnx")


def test_a_tool_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(surroundings, "TOOLS", ("numpy", "no-such-tool"))
    assert set(tools()) == {"python", "numpy"}


def test_an_exchanged_distribution_is_another_environment(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    (tmp_path / "torch-1.0.dist-info").mkdir()
    before = environment()
    assert environment() == before
    (tmp_path / "torch-1.0.dist-info").rename(tmp_path / "torch-1.1.dist-info")
    assert environment() != before


def test_the_cpu_has_a_name_and_its_features_are_those_of_the_kernel():
    assert cpu_name().strip()
    flags = Path("/proc/cpuinfo").read_text().split()
    assert set(cpu_features()) <= set(flags)
    assert ("avx2" in cpu_features()) == ("avx2" in flags)


def test_the_commit_is_gits_and_an_edit_makes_it_dirty(tmp_path):
    first = repository(tmp_path / "code")
    assert commit(tmp_path / "code") == Commit(first, False)
    (tmp_path / "code/untracked").write_text("")
    assert commit(tmp_path / "code") == Commit(first, False)
    (tmp_path / "code/code.py").write_text("2\n")
    dirty = commit(tmp_path / "code")
    assert dirty == Commit(first, True) and str(dirty) == f"{first[:12]}-dirty"


def test_outside_of_git_there_is_no_commit(tmp_path, monkeypatch):
    assert commit(tmp_path) is None
    repository(tmp_path / "somebodys")
    (tmp_path / "somebodys/copy").mkdir()
    assert commit(tmp_path / "somebodys/copy") is None, "git knows nothing of what lies there"
    monkeypatch.setenv("PATH", "/nonexistent")
    assert commit(tmp_path / "somebodys") is None


def test_the_surroundings_of_this_process_are_looked_up_once():
    own = Surroundings.own()
    assert own is Surroundings.own()
    assert own.machine.cores >= 1 and own.machine.cpu == cpu_name()


def test_what_is_another_today_is_said():
    then = Surroundings(
        {"ncnn": "1", "torch": "2"}, "", replace(Surroundings.own().machine, cpu="a CPU"), None
    )
    assert then.against(then) == "by the same versions on the same kind of processor"
    today = replace(then, tools={"ncnn": "1", "torch": "3", "numpy": "4"}, commit=Commit("ab", True))
    assert then.against(today) == "torch 2 then, 3 now; numpy none then, 4 now"
    elsewhere = replace(then, machine=replace(then.machine, cpu="another CPU"))
    assert then.against(elsewhere) == "on a CPU then, on another CPU now"
