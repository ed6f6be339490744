"""Agents on a machine that runs lines of sh, which is this one without any server between."""

import hashlib
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from samples.artifacts import pair
from samples.ncnn import small_network
from zoo.errors import ArtifactError, ZooError
from zoo.targets.faults import AgentAbsent, ConnectionCut, Unreachable
from zoo.targets.link import Link
from zoo.targets.remote import Remote
from zoo.targets.shell import Shell, line

NET = small_network()
PROGRAM = "#!/bin/sh\nread line\necho $line $1\n"


@dataclass(frozen=True)
class Here(Shell):
    """before: a line of sh that the machine runs before each of ours."""

    before: str = ":"

    def command(self, line: str) -> Sequence[str]:
        return ["sh", "-c", f"{self.before}; {line}"]

    def fault(self, code: int | None, said: str) -> Unreachable:
        return Unreachable(f"{self.name}: status {code}")


def here(before: str = ":", architecture: str = platform.machine()) -> Here:
    return Here("pi5", architecture, before=before)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "an agent"
    path.write_text(PROGRAM)
    return path


def ran(carrier: Shell, program: Path, cache: str, given: bytes = b"hello\n") -> bytes:
    with tempfile.TemporaryFile() as errors:
        process = carrier.start(program, cache, errors)
        answer = process.communicate(given)[0]
        errors.seek(0)
        assert carrier.ended(process.returncode, errors.read().decode()) == 0
    return answer


def end_of(carrier: Shell, program: Path, cache: str) -> int | None:
    with tempfile.TemporaryFile() as errors:
        process = carrier.start(program, cache, errors)
        process.communicate(b"\n")
        errors.seek(0)
        return carrier.ended(process.returncode, errors.read().decode())


def test_an_agent_is_placed_once_and_found_again(program: Path, tmp_path):
    cache = str(tmp_path / "cache")
    with pytest.raises(AgentAbsent):
        end_of(here(), program, cache)
    here().place(program, cache)
    assert ran(here(), program, cache) == f"hello {cache}\n".encode()
    (kept,) = Path(cache).iterdir()
    assert kept.name.startswith("agent-") and kept.read_text() == PROGRAM
    program.write_text(PROGRAM + "# another\n")
    with pytest.raises(AgentAbsent):
        end_of(here(), program, cache)


@pytest.mark.parametrize(
    "name", ["it's", "a b", "$(touch pwned)", "`touch pwned`", "a;touch pwned", 'q"q', "&"]
)
def test_no_name_is_a_line_of_sh(program: Path, tmp_path, monkeypatch, name: str):
    monkeypatch.chdir(tmp_path)
    here().place(program, name)
    assert ran(here(), program, name) == f"hello {name}\n".encode()
    assert not (tmp_path / "pwned").exists()


def test_a_line_is_one_for_other_shells_too(tmp_path):
    for shell in ("bash", "dash", "csh", "fish", "zsh"):
        if shutil.which(shell):
            done = subprocess.run(
                [shell, "-c", line('printf %s "$1"', "it's $HOME")], capture_output=True, text=True
            )
            assert done.stdout == "it's $HOME", shell


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        (
            "mips",
            "pi5 is a machine of the architecture mips, and there are agents for aarch64, x86_64, armhf",
        ),
        (
            "arm64",
            r"of the architecture aarch64, not \w+: say so \(targets: {pi5: {architecture: aarch64}}\)",
        ),
        ("", "that nothing tells"),
    ],
)
def test_another_architecture_is_told_and_nothing_is_started(program, tmp_path, machine, sentence):
    carrier = here(f"export PATH='{tmp_path}':$PATH", "x86_64")
    (tmp_path / "uname").write_text(f"#!/bin/sh\necho {machine}\n")
    (tmp_path / "uname").chmod(0o755)
    with pytest.raises(Unreachable, match=sentence) as caught:
        end_of(carrier, program, str(tmp_path / "cache"))
    assert caught.value.lasting


def test_a_crash_there_is_told_from_a_connection_that_is_gone(tmp_path):
    program, cache = tmp_path / "agent", str(tmp_path / "cache")
    program.write_text("#!/bin/sh\nkill -SEGV $$\n")
    here().place(program, cache)
    assert end_of(here(), program, cache) == -11
    program.write_text("#!/bin/sh\nread line\nkill -KILL $PPID\n")
    here().place(program, cache)
    with pytest.raises(ConnectionCut):
        end_of(here(), program, cache)
    with pytest.raises(Unreachable, match="status 255"):
        end_of(here("exit 255"), program, cache)


def test_an_agent_that_waited_too_long_is_started_again(tmp_path):
    program, cache = tmp_path / "agent", str(tmp_path / "cache")
    program.write_text("#!/bin/sh\nexit 4\n")
    here().place(program, cache)
    with pytest.raises(ConnectionCut, match="nobody asked it for anything"):
        end_of(here(), program, cache)


def test_a_folder_that_cannot_be_made_is_told(program: Path, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unreachable, match=r"the agent cannot be kept in .*file/x there \(.*Not a directory"):
        here().place(program, str(tmp_path / "file/x"))


def test_an_agent_that_came_in_part_is_not_kept(program: Path, tmp_path):
    cache = tmp_path / "cache"
    with pytest.raises(Unreachable, match="cut off") as caught:
        here("exec < /dev/null").place(program, str(cache))
    assert not caught.value.lasting and list(cache.iterdir()) == []


def test_an_agent_that_may_not_be_run_is_told(program: Path, tmp_path):
    cache = tmp_path / "cache"
    here().place(program, str(cache))
    (kept,) = cache.iterdir()
    kept.chmod(0o600)
    with pytest.raises(Unreachable, match=r"may not be run there \(.*Permission denied\): give a folder"):
        end_of(here(), program, str(cache))


IN_PART = "trap '' XFSZ; ulimit -f 200"
"""A line of sh behind which no file gets larger than some 100 or 200 kB: writing fails within one."""


def test_what_a_full_disk_says_is_told(program: Path, tmp_path):
    (tmp_path / "cat").write_text(f"#!/bin/sh\nexec {shutil.which('cat')} > /dev/full\n")
    (tmp_path / "cat").chmod(0o755)
    carrier = here(f"export PATH='{tmp_path}':$PATH")
    with pytest.raises(
        Unreachable, match=r"cannot be kept in .* there \(.*No space left on device\); make room"
    ):
        carrier.place(program, str(tmp_path / "cache"))
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_disk_that_fills_up_under_the_agent_is_told_and_keeps_nothing_of_it(tmp_path):
    program, cache = tmp_path / "agent", tmp_path / "cache"
    program.write_bytes(bytes(1_000_000))
    with pytest.raises(Unreachable, match=r"cannot be kept in .*cache there \(.*File too large\); make room"):
        here(IN_PART).place(program, str(cache))
    assert list(cache.iterdir()) == []


@pytest.mark.long(60, group="own agent")
class TestTheAgent:
    def test_it_computes_as_on_its_own(self, own_agent: Path, tmp_path):
        image = (np.random.default_rng(0).normal(size=(3, 8, 8)).astype(np.float32),)
        answers = []
        for _ in range(2):
            remote = Remote.start(Link("pi5", here(), own_agent, str(tmp_path / "cache")))
            opened = remote.open(pair(NET, tmp_path), NET.inputs, NET.outputs, 1, {"use_fp16_storage": False})
            answers.append([values for _, values in remote.run(opened, image)])
            remote.close()
        assert remote.sent == 0, "the second time all of it was there"
        np.testing.assert_array_equal(answers[0], answers[1])

    @pytest.mark.parametrize(
        ("before", "link", "says"), [(":", True, "No space left"), (IN_PART, False, "File too large")]
    )
    def test_a_disk_that_fills_up_is_told(self, own_agent: Path, tmp_path, before, link, says):
        cache, file = tmp_path / "cache", tmp_path / "weights"
        file.write_bytes(bytes(3_000_000))
        here().place(own_agent, str(cache))
        part = cache / f"{hashlib.sha256(file.read_bytes()).hexdigest()}.part"
        if link:
            part.symlink_to("/dev/full")
        remote = Remote.start(Link("pi5", here(before), own_agent, str(cache)))
        with pytest.raises(ArtifactError, match=rf"pi5: a file cannot be kept in .*cache: {says}"):
            remote.put(file)
        remote.close()
        assert not part.is_symlink() and not part.exists()

    def test_cores_that_it_lacks_are_told(self, own_agent: Path, tmp_path):
        with pytest.raises(ZooError, match=r"pi5: it has no core 1000 \(cores: it has \d+"):
            Remote.start(Link("pi5", here(), own_agent, str(tmp_path / "cache"), cores=(0, 1000)))
        remote = Remote.start(Link("pi5", here(), own_agent, str(tmp_path / "cache"), cores=(0,)))
        assert remote.told["cores"] == 1
        remote.close()
