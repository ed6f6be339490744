"""Rounds on a board that is watched: what was measured while it was slowed down for heat is measured again
when it has cooled, for a bounded time; then it is called throttled. So is, at once, what gets too little
voltage.

A governor that saves power slows down too, by its own rule; that is on record and no heat.
"""

import logging
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.benchmark import Conditions, MachineState

ROUNDS = 5
"""Between two looks at the board."""
COOL_S, LOOK_S = 180.0, 5.0
"""How long a board is let cool in all, and how long between two looks meanwhile."""
SLOW = 0.9
"""Of its highest frequency; below, a busy core of a governor that gives it all was slowed down."""
NEAR_C, COOL_C = 2.0, 10.0
"""Closer to where it slows down, a board is too hot, and cool again so many degrees away from there."""
_SAVING = ("powersave", "userspace", "conservative")


class Timed(Protocol):
    """What `zoo.runners.on_target.pair.Turns` does."""

    def time(self, inputs: Arrays, warmup: int, rounds: int) -> tuple[NDArray[np.float64], MachineState]: ...

    def state(self) -> MachineState: ...


def is_throttled(state: MachineState) -> bool:
    """Whether a board that was busy a moment ago was slowed down, for heat or for too little voltage."""
    saves = state.governor in _SAVING
    slow = bool(state.mhz and state.max_mhz and state.mhz < SLOW * state.max_mhz and not saves)
    return state.capped or state.low_voltage or slow or (state.room_c is not None and state.room_c < NEAR_C)


def watched(
    turns: Timed,
    inputs: Arrays,
    warmup: int,
    runs: int,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[NDArray[np.float64], Conditions]:
    """Seconds, (runs, 2), and what the board was like meanwhile."""
    kept: list[NDArray[np.float64]] = []
    states: list[MachineState] = []
    waited, throttled = 0.0, False
    while (left := runs - sum(map(len, kept))) > 0:
        seconds, state = turns.time(inputs, warmup, min(ROUNDS, left))
        warmup = 0
        if is_throttled(state) and not state.low_voltage and waited < COOL_S:
            logging.warning("the board slows down for heat (%s): it is let cool", _told(state))
            waited += _cooled(turns, state, COOL_S - waited, sleep)
            warmup = 1
            continue
        throttled |= is_throttled(state)
        kept.append(seconds)
        states.append(state)
    if any(state.low_voltage for state in states):
        logging.warning("the board's power supply gives too little voltage, which slows it down: throttled")
    elif throttled:
        logging.warning("the board was slowed down for heat after %d s of cooling too: throttled", waited)
    return np.concatenate(kept), _conditions(states, waited, throttled)


def _cooled(turns: Timed, hot: MachineState, most_s: float, sleep: Callable[[float], None]) -> float:
    """Seconds that it took a board to cool, or the most that it may take. One that does not tell its
    temperature gets a look's time."""
    waited = 0.0
    while waited < most_s:
        sleep(LOOK_S)
        waited += LOOK_S
        now = turns.state()
        if now.room_c is not None and now.room_c >= COOL_C and not now.capped:
            break
        if now.room_c is None and not now.capped:
            if now.temperature_c is None or hot.temperature_c is None:
                break
            if now.temperature_c <= hot.temperature_c - COOL_C:
                break
    return waited


def _conditions(states: list[MachineState], waited: float, throttled: bool) -> Conditions:
    slowest = min((each.mhz for each in states if each.mhz is not None), default=None)
    hottest = max((each.temperature_c for each in states if each.temperature_c is not None), default=None)
    last = states[-1]
    return Conditions(last.governor, slowest, last.max_mhz, hottest, waited, throttled)


def _told(state: MachineState) -> str:
    parts = [f"{state.temperature_c:.0f} °C"] if state.temperature_c is not None else []
    if state.mhz is not None and state.max_mhz is not None:
        parts.append(f"{state.mhz:.0f} of {state.max_mhz:.0f} MHz")
    return ", ".join(parts) or "it says so"
