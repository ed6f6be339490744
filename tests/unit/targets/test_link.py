"""The way to an agent: what is put there anew, and who has it for himself."""

import logging
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from samples.agents import Impostor
from zoo.errors import ZooError
from zoo.jobs.made import made_sha256
from zoo.targets.carriers import Native
from zoo.targets.faults import AgentAbsent, Unreachable
from zoo.targets.link import Link
from zoo.targets.protocol import packed

GREETED = "receive(); send({'protocol': 2}); receive(); send({'sha256': %r}); receive()"


@dataclass
class Elsewhere:
    """A machine that answers with one program after the other; placed: how often an agent was put there."""

    programs: list[str]
    placed: int = 0
    emulated: bool = False
    elsewhere: bool = True
    fault: ZooError | None = None
    started: list[str] = field(default_factory=list)

    def start(self, agent: Path, cache: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        self.started.append(self.programs.pop(0))
        return Impostor(self.started[-1], greets=False).start(agent, cache, errors)

    def ended(self, code: int | None, said: str) -> int | None:
        if code == 44:
            raise AgentAbsent("it is not there")
        return code

    def place(self, agent: Path, cache: str) -> None:
        self.placed += 1
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    path = tmp_path / "agent"
    path.write_text("an agent")
    return path


def greeted(agent: Path) -> str:
    return GREETED % made_sha256(agent)


ABSENT = "sys.exit(44)"


@pytest.mark.parametrize(
    "first",
    [
        ABSENT,
        GREETED % "of another file",
        "receive(); send({'error': 'this agent speaks version 7 of the protocol'}); receive()",
        "receive(); os.kill(os.getpid(), 11)",
        "print('I am no agent', flush=True); receive()",
    ],
)
def test_what_is_not_ours_is_put_there_once(agent: Path, first: str):
    carrier = Elsewhere([first, greeted(agent)])
    channel, told = Link("pi5", carrier, agent, "cache").open()
    channel.close()
    assert carrier.placed == 1 and told["protocol"] == 2


def test_what_stays_another_is_told(agent: Path):
    with pytest.raises(ZooError, match="pi5: the agent in cache there does not stay what was put there"):
        Link("pi5", Elsewhere([GREETED % "of another"] * 2), agent, "cache").open()
    with pytest.raises(ZooError, match="does not stay"):
        Link("pi5", Elsewhere([ABSENT] * 2), agent, "cache").open()


def test_an_agent_of_another_version_here_is_told_with_what_to_do(agent: Path):
    refusal = "receive(); send({'error': 'this agent speaks version 7 of the protocol'}); receive()"
    with pytest.raises(ZooError, match=f"speaks version 7 of the protocol; build it anew: rm {agent}"):
        Link("pi5", Elsewhere([refusal] * 2), agent, "cache").open()


def test_what_cannot_be_placed_is_told(agent: Path):
    with pytest.raises(Unreachable, match="no room"):
        Link("pi5", Elsewhere([ABSENT], fault=Unreachable("no room", lasting=True)), agent, "cache").open()


def test_a_refusal_to_work_is_no_reason_to_place_it_again(agent: Path):
    carrier = Elsewhere(["receive(); send({'error': 'it has no core 9'}); receive()"])
    with pytest.raises(ZooError, match=r"pi5: it has no core 9$"):
        Link("pi5", carrier, agent, "cache").open()
    assert carrier.placed == 0


def test_who_waits_for_another_build_says_so(agent: Path, caplog):
    said = "receive(); send({'waiting': True}); send({'protocol': 2}); receive(); send({'sha256': %r})"
    with caplog.at_level(logging.WARNING):
        channel, _ = Link("pi5", Elsewhere([said % made_sha256(agent)]), agent, "cache").open()
    channel.close()
    assert "pi5: another build works there; this one waits until it is done" in caplog.text


@pytest.mark.long(60, group="own agent")
class TestTheAgent:
    def test_it_has_its_folder_for_itself_and_gives_it_back(self, own_agent: Path, tmp_path):
        cache = str(tmp_path / "cache")
        first, _ = Link("here", Native(), own_agent, cache).open()
        with pytest.raises(ZooError, match="here: another build works there"):
            Link("here", Native(), own_agent, cache).open()
        first.close()
        second, _ = Link("here", Native(), own_agent, cache).open()
        second.close()

    def test_one_session_takes_over_from_its_own_agent_that_hangs(self, own_agent: Path, tmp_path):
        link = Link("here", Native(), own_agent, str(tmp_path / "cache"), session="mine")
        first, _ = link.open()
        second, _ = Link("here", Native(), own_agent, str(tmp_path / "cache"), session="mine").open()
        assert first._process.wait(10) == -9
        second.close()

    def test_it_does_not_wait_for_ever_for_a_connection_that_is_dead(self, own_agent, tmp_path):
        with (tmp_path / "said").open("w+b") as errors:
            process = Native().start(own_agent, str(tmp_path / "cache"), errors)
            assert process.stdin is not None
            process.stdin.write(packed({"do": "hello", "protocol": 2, "patience_s": 1}))
            assert process.wait(20) == 4
            errors.seek(0)
            assert b"nobody asked for anything" in errors.read()

    def test_who_empties_the_folder_does_not_let_two_in(self, own_agent: Path, tmp_path):
        cache = tmp_path / "cache"
        channel, _ = Link("here", Native(), own_agent, str(cache)).open()
        channel.ask("empty", 20, b"", {})
        assert channel.answer().header == {"files": 0, "bytes": 0} and not cache.exists()
        other, _ = Link("here", Native(), own_agent, str(cache)).open()
        assert (cache / "lock").exists()
        channel.close()
        with pytest.raises(ZooError, match="another build works there"):
            Link("here", Native(), own_agent, str(cache)).open()
        other.close()
