"""A phone over adb: a stand-in for adb runs here what it is told to run there, for no phone was at hand."""

import os
import platform
from pathlib import Path

import pytest

from samples.boards import stand_in_for_adb
from zoo.config.targets import Target
from zoo.runners.on_target.reach import emptied, reached
from zoo.targets.adb import Adb
from zoo.targets.faults import ConnectionCut, Unreachable


@pytest.fixture
def adb(tmp_path: Path, monkeypatch) -> None:
    stand_in_for_adb(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")


def target(agent: Path, tmp_path: Path, serial: str = "phone-1") -> Target:
    where = {"folder": str(tmp_path / "phone"), "architecture": platform.machine()}
    return Target("phone", agent=str(agent), adb=serial, **where)


@pytest.mark.long(60, group="own agent")
@pytest.mark.usefixtures("adb")
def test_an_agent_there_answers_keeps_files_and_is_taken_away(own_agent: Path, tmp_path):
    phone, file = target(own_agent, tmp_path), tmp_path / "weights"
    file.write_bytes(bytes(range(256)) * 10_000)  # every byte, for a terminal would change some
    for sent in (file.stat().st_size, 0):
        with reached(phone) as remote:
            remote.put(file)
            assert remote.sent == sent
    assert emptied(phone)[0] == 2
    assert not (tmp_path / "phone").exists()


@pytest.mark.usefixtures("adb")
def test_a_phone_that_there_is_not(tmp_path):
    (tmp_path / "agent").write_text("")
    with (
        pytest.raises(Unreachable, match=r"phone: phone-2 cannot be reached: there is no such device; see"),
        reached(target(tmp_path / "agent", tmp_path, "phone-2")),
    ):
        pass


def test_without_adb_it_is_said_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreachable, match="phone: adb is not on this machine: install adb"):
        Adb("phone", "aarch64", serial="x").command("true")


@pytest.mark.parametrize(
    ("said", "sentence", "lasting"),
    [
        (
            "error: device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS",
            "does not trust this machine",
            True,
        ),
        ("error: device offline", "it is offline", False),
        ("error: insufficient permissions: no permissions (user in plugdev group)", "USB port", True),
        ("error: target doesn't support PTY args -Tt", "too old for a clean stream", True),
    ],
)
def test_what_adb_says_is_told_in_words(said: str, sentence: str, lasting: bool):
    fault = Adb("phone", "aarch64", serial="x").fault(1, said)
    assert sentence in str(fault) and fault.lasting is lasting


def test_what_ends_without_a_word_was_cut():
    fault = Adb("phone", "aarch64", serial="x").fault(255, "ncnn-zoo: started\n")
    assert isinstance(fault, ConnectionCut) and "adb ended with status 255" in str(fault)
