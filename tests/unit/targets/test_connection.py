"""A connection that is cut: made anew, with what was open, and nothing told twice."""

import logging
from pathlib import Path

import numpy as np
import pytest

from samples.artifacts import pair
from samples.boards import Board, Way
from samples.ncnn import small_network
from zoo.errors import ZooError
from zoo.runners.on_target.reach import reached
from zoo.targets import connection
from zoo.targets.connection import Connection
from zoo.targets.faults import ConnectionCut, Unreachable

NET = small_network()
NAMES = [each.outputs[0] for each in NET.layers if each.type not in ("Input", "Split")]
PLAIN = dict.fromkeys(("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"), False)
INPUT = (np.random.default_rng(0).normal(size=(3, 8, 8)).astype(np.float32),)


class Link:
    """Opens nothing, or raises what it was given."""

    def __init__(self, *faults: Unreachable | None) -> None:
        self.faults = list(faults)

    def open(self):
        if fault := self.faults.pop(0) if self.faults else None:
            raise fault
        return self, {"protocol": 2}

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr(connection, "PAUSES_S", (0.0, 0.0, 0.0, 0.0))


def times(fault: Unreachable, count: int):
    """An action that loses the connection so often."""
    faults = [fault] * count

    def action(_: object) -> str:
        if faults:
            raise faults.pop()
        return "done"

    return action


def connected(*faults: Unreachable | None) -> Connection:
    return Connection(Link(*faults), lambda channel: None)


def test_a_connection_that_is_cut_is_made_anew_a_few_times():
    assert connected().again(times(ConnectionCut("cut"), 4)) == "done"
    with pytest.raises(Unreachable, match="cut; it was tried 5 times") as caught:
        connected().again(times(ConnectionCut("cut"), 5))
    assert caught.value.lasting


def test_losses_are_counted_anew_when_something_was_answered():
    lossy = connected()
    for _ in range(3):
        assert lossy.again(times(ConnectionCut("cut"), 4)) == "done"


def test_what_lasts_and_what_was_never_there_is_told_at_once():
    lasting = Unreachable("refused", lasting=True)
    with pytest.raises(Unreachable, match=r"^refused$"):
        connected().again(times(lasting, 1))
    with pytest.raises(Unreachable, match=r"^no answer$"):
        connected(Unreachable("no answer")).again(times(lasting, 0))
    assert connected(ConnectionCut("cut while it greeted")).again(times(lasting, 0)) == "done"
    known = connected(None, Unreachable("it starts again"))
    assert known.again(times(ConnectionCut("cut"), 1)) == "done", "a board that starts again is waited for"


@pytest.mark.long(60, group="own agent")
class TestOverSsh:
    @pytest.fixture
    def way(self, board: Board):
        way = Way(board.port)
        board.know(way.port)
        yield way
        way.close()

    @pytest.fixture
    def remote(self, board: Board, own_agent: Path, way: Way, tmp_path):
        with reached(board.target(own_agent, port=way.port, folder=str(tmp_path / "there"))) as remote:
            yield remote

    def test_a_file_goes_on_where_it_was_cut(self, remote, way: Way, tmp_path, caplog):
        file = tmp_path / "weights"
        file.write_bytes(np.random.default_rng(0).bytes(6_000_000))
        before = way.sent

        def cut_once() -> None:
            if way.sent - before > 3_500_000:
                way.after = lambda: None
                way.cut()

        way.after = cut_once
        with caplog.at_level(logging.WARNING):
            sha256 = remote.put(file)
        assert "it is tried again" in caplog.text and way.connections >= 3
        assert (tmp_path / "there" / sha256).read_bytes() == file.read_bytes()
        assert remote.sent == 6_000_000, "no part that had come was sent again"

    def test_a_sample_is_run_again_and_each_blob_told_once(self, remote, way: Way, tmp_path):
        opened = remote.open(pair(NET, tmp_path), NET.inputs, NET.outputs, 1, PLAIN)
        expected = list(remote.run(opened, INPUT, NAMES))
        got = []
        for name, values in remote.run(opened, INPUT, NAMES):
            got.append((name, values))
            if len(got) in (1, 4):
                way.cut()
        assert [name for name, _ in got] == NAMES
        for (_, one), (_, other) in zip(expected, got, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_a_benchmark_that_is_cut_keeps_nothing_and_says_so(self, remote, way: Way, tmp_path):
        opened = remote.open(pair(NET, tmp_path), NET.inputs, NET.outputs, 1, PLAIN)
        way.after = lambda: way.cut() if way.sent > sent else None
        sent = way.sent
        with pytest.raises(
            ZooError, match="in the middle of a benchmark, of which nothing is kept; run again"
        ):
            remote.time_in_turns([opened, opened], INPUT, 1, 3)
        way.after = lambda: None
        assert len(remote.time_in_turns([opened, opened], INPUT, 1, 3)["wall_us"]) == 2
