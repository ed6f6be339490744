"""Rounds on a board that grows hot, in a script."""

import numpy as np
import pytest

from zoo.config.records.benchmark import MachineState
from zoo.measure.board.watch import COOL_S, LOOK_S, ROUNDS, is_throttled, watched

COLD = MachineState("ondemand", 2400, 2400, 45.0, 35.0)
HOT = MachineState("ondemand", 1500, 2400, 84.0, 1.0)


class Board:
    """Tells one state after each part of the rounds, and others while it is let cool; the last for ever."""

    def __init__(self, states: list[MachineState], cooling: list[MachineState]) -> None:
        self.states, self.cooling = states, cooling
        self.asked: list[tuple[int, int]] = []
        self.slept = 0.0

    def time(self, inputs, warmup: int, rounds: int):
        self.asked.append((warmup, rounds))
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return np.full((rounds, 2), float(len(self.asked))), state

    def state(self) -> MachineState:
        return self.cooling.pop(0) if len(self.cooling) > 1 else self.cooling[0]

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def run(states: list[MachineState], cooling: list[MachineState], runs: int = 2 * ROUNDS):
    board = Board(states, cooling)
    seconds, conditions = watched(board, (), 3, runs, board.sleep)
    assert seconds.shape == (runs, 2)
    return board, seconds, conditions


def test_a_cool_board_is_timed_through():
    board, _, conditions = run([COLD], [COLD], 2 * ROUNDS + 1)
    assert board.asked == [(3, ROUNDS), (0, ROUNDS), (0, 1)] and board.slept == 0
    assert (conditions.governor, conditions.lowest_mhz, conditions.hottest_c) == ("ondemand", 2400, 45.0)
    assert not conditions.throttled and conditions.waited_s == 0


def test_rounds_of_a_hot_board_are_done_again_when_it_is_cool():
    board, seconds, conditions = run([COLD, HOT, COLD], [HOT, HOT, COLD])
    assert board.asked == [(3, ROUNDS), (0, ROUNDS), (1, ROUNDS)]
    assert set(seconds[:, 0]) == {1.0, 3.0}, "the hot rounds do not count"
    assert conditions.waited_s == board.slept == 3 * LOOK_S and not conditions.throttled


def test_a_board_that_stays_hot_is_called_throttled_in_the_end():
    board, _, conditions = run([HOT], [HOT])
    assert conditions.throttled and board.slept == conditions.waited_s == COOL_S
    assert conditions.lowest_mhz == 1500 and conditions.hottest_c == 84.0


def test_one_that_tells_no_temperature_gets_a_while_each_time():
    slow = MachineState("ondemand", 1500, 2400)
    board, _, conditions = run([slow, slow, MachineState("ondemand", 2400, 2400)], [slow])
    assert board.slept == 2 * LOOK_S and not conditions.throttled


def test_too_little_voltage_is_called_throttled_and_not_waited_for(caplog):
    weak = MachineState("ondemand", 600, 2400, 45.0, 35.0, True, True)
    board, _, conditions = run([COLD, weak], [COLD])
    assert conditions.throttled and board.slept == conditions.waited_s == 0
    assert "power supply gives too little voltage" in caplog.text


def test_one_that_tells_nothing_is_timed_as_it_is():
    board, _, conditions = run([MachineState()], [MachineState()])
    assert board.slept == 0 and not conditions.throttled and conditions.governor is None


@pytest.mark.parametrize(
    ("state", "throttled"),
    [
        (COLD, False),
        (HOT, True),
        (MachineState("powersave", 600, 2400, 40.0, 40.0), False),
        (MachineState("schedutil", 2100, 2400, 84.0), True),
        (MachineState("schedutil", 2300, 2400, 84.0), False),
        (MachineState(capped=True), True),
        (MachineState(low_voltage=True), True),
        (MachineState(temperature_c=80.0, room_c=0.0), True),
    ],
)
def test_what_counts_as_slowed_down_for_heat(state: MachineState, throttled: bool):
    assert is_throttled(state) is throttled
