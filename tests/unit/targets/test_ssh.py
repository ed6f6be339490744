"""A board over ssh: a real server, which is this machine, and what is said when it is not to be reached."""

import logging
import time
from pathlib import Path
from threading import Thread

import pytest

from samples.boards import Board, Way, free_port, keygen
from samples.boards import board as board_with
from zoo.errors import ZooError
from zoo.runners.on_target.reach import carrier_of, reached
from zoo.targets.faults import ConnectionCut, Unreachable
from zoo.targets.ssh import Ssh

pytestmark = pytest.mark.long(60, group="own agent")


def refused(target) -> str:
    with pytest.raises(Unreachable) as caught, reached(target):
        pass
    return str(caught.value)


def test_an_agent_there_answers_and_keeps_its_files_there(board: Board, own_agent: Path):
    with reached(board.target(own_agent)) as remote:
        assert remote.told["protocol"] == 2 and remote.told["cpu"]
    assert {path.name[:6] for path in board.home.iterdir()} >= {"agent-", "lock"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in board.home.iterdir())


def test_a_host_that_there_is_not(board: Board, own_agent: Path):
    said = refused(board.target(own_agent, ssh="nowhere.invalid"))
    assert said.startswith(
        "board: nowhere.invalid cannot be reached: there is no host of this name (ssh: Could"
    )


def test_a_port_where_nothing_answers(board: Board, own_agent: Path):
    assert "nothing answers on its port" in refused(board.target(own_agent, port=free_port()))


def test_a_key_that_is_refused_or_missing_or_broken(board: Board, own_agent: Path, tmp_path):
    keygen(tmp_path / "other")
    assert "it refuses the key: a key without" in refused(
        board.target(own_agent, key=str(tmp_path / "other"))
    )
    missing = str(tmp_path / "missing")
    assert f"board: there is no file {missing} (key)" in refused(board.target(own_agent, key=missing))
    (tmp_path / "broken").write_text("no key\n")
    (tmp_path / "broken").chmod(0o600)
    assert "the key cannot be read" in refused(board.target(own_agent, key=str(tmp_path / "broken")))


def test_a_host_key_that_is_unknown_or_changed(board: Board, own_agent: Path, tmp_path):
    known = tmp_path / "with a space, and 100%h"
    known.write_text("")
    target = board.target(own_agent, known_hosts=str(known))
    assert "its host key is not known: connect by hand once" in refused(target)
    keygen(tmp_path / "other")
    known.write_text(f"[127.0.0.1]:{board.port} {(tmp_path / 'other.pub').read_text()}")
    assert "its host key is another than the one that is known" in refused(target)
    known.write_text((board.folder / "known_hosts").read_text())
    with reached(target) as remote:
        assert remote.told["protocol"] == 2


def test_a_slow_link_takes_time_and_no_more(board: Board, own_agent: Path, tmp_path):
    way = Way(board.port, bytes_a_second=2e6)
    board.know(way.port)
    with reached(board.target(own_agent, port=way.port, folder=str(tmp_path / "slow"))) as remote:
        assert remote.told["protocol"] == 2
    assert way.sent > own_agent.stat().st_size
    way.close()


def test_a_board_that_goes_away_is_told_after_some_attempts(
    board: Board, own_agent: Path, monkeypatch, caplog
):
    monkeypatch.setattr("zoo.targets.connection.PAUSES_S", (0.01, 0.01))
    way = Way(board.port)
    board.know(way.port)
    with reached(board.target(own_agent, port=way.port)) as remote:
        way.cut()
        assert remote.call("state", 20).header["capped"] is False, "a connection that was cut is made anew"
        assert "the connection to" in caplog.text and "it is tried again" in caplog.text
        way.close()
        with pytest.raises(Unreachable, match=r"nothing answers on its port.*it was tried 3 times"):
            remote.call("state", 20)


def test_nobody_is_asked_and_nothing_is_read_for_an_option(board: Board, own_agent: Path):
    command = list(carrier_of(board.target(own_agent)).command("true"))
    assert command[:4] == ["ssh", "-T", "-x", "-a"] and command[-3] == "--"
    given = command[4:-3]
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"} <= set(given)
    assert not any("accept" in each or each == "StrictHostKeyChecking=no" for each in given)


@pytest.mark.parametrize(
    ("said", "kind", "sentence"),
    [
        ("ssh: connect to host pi port 22: Connection timed out\r", Unreachable, "does not answer; is it on"),
        ("ssh: connect to host pi port 22: No route to host", Unreachable, "does not answer; is it on"),
        ("kex_exchange_identification: read: Connection reset by peer", ConnectionCut, "was cut"),
        ("Timeout, server pi not responding.", Unreachable, "not responding"),
        ("", ConnectionCut, "status 255"),
    ],
)
def test_what_ssh_says_is_told_in_words(said: str, kind: type, sentence: str):
    fault = Ssh("pi5", "aarch64", host="pi").fault(255, said)
    assert type(fault) is kind and sentence in str(fault) and not fault.lasting


def test_two_builds_on_one_board_take_turns(board: Board, own_agent: Path, monkeypatch, caplog):
    monkeypatch.setattr("zoo.targets.link.WAIT_S", 3.0)
    target = board.target(own_agent)
    with (
        reached(target),
        caplog.at_level(logging.WARNING),
        pytest.raises(ZooError, match=r"board: another build works there, and did for all of \d+ s"),
        reached(target),
    ):
        pass
    assert "board: another build works there; this one waits until it is done" in caplog.text
    with reached(target) as remote:
        assert remote.told["protocol"] == 2


def test_the_second_of_two_builds_works_when_the_first_is_done(board: Board, own_agent: Path, caplog):
    target, second = board.target(own_agent), []

    def work() -> None:
        with reached(target) as remote:
            second.append(remote.call("state", 20).header)

    with reached(target):
        other = Thread(target=work)
        other.start()
        deadline = time.monotonic() + 60
        while "another build works there" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not second
    other.join(60)
    assert second and "this one waits until it is done" in caplog.text


def test_an_agent_there_that_is_another_is_put_there_anew(board: Board, own_agent: Path, tmp_path, caplog):
    target = board.target(own_agent, folder=str(tmp_path / "there"))
    with reached(target):
        pass
    (kept,) = (tmp_path / "there").glob("agent-*")
    for other in (b"#!/bin/sh\necho I am another\n", b"#!/bin/sh\nkill -SEGV $$\n"):
        kept.write_bytes(other.ljust(own_agent.stat().st_size, b"#"))
        with reached(target) as remote:
            assert remote.told["protocol"] == 2
        assert kept.read_bytes() == own_agent.read_bytes()
    assert caplog.text.count("it is put there anew") == 2


def test_a_board_of_another_architecture_is_refused(sshd, own_agent: Path, tmp_path):
    (tmp_path / "uname").write_text("#!/bin/sh\necho mips\n")
    (tmp_path / "uname").chmod(0o755)
    with board_with(tmp_path / "board", f"SetEnv PATH={tmp_path}:/usr/bin:/bin\n") as board:
        said = refused(board.target(own_agent))
    assert (
        "board is a machine of the architecture mips, and there are agents for aarch64, x86_64, armhf" in said
    )


def test_without_ssh_it_is_said_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreachable, match="pi5: ssh is not on this machine: install openssh-client"):
        Ssh("pi5", "aarch64", host="pi").command("true")
