"""Which layers are masked, by what each does to the outputs without its mask, and by what its mask costs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zoo.array_types import Doubles
from zoo.precision.noise import WORTH_DB, Effects, decibels

_NOTHING = 1e-6
"""The share of multiply-adds of a layer that has none: far less than that of one which has some."""


@dataclass(frozen=True)
class Choice:
    """gains: what each mask gains beside the others, in dB, the largest first. noise: what is left then, as
    far as it can be foreseen."""

    gains: Mapping[str, float]
    noise: Doubles


def choose(
    floor: Doubles, effects: Effects, shares: Mapping[str, float], least_db: float = -np.inf
) -> Choice:
    """The masks that are worth it.

    Beginning with all, masks are taken back, always the one that loses least for the share of multiply-adds
    which then compute in float16 again, as long as that loses less than `WORTH_DB`, and `least_db` is kept.
    From the other end, masking the most rewarding first, noise that is spread evenly over many layers would
    have no mask at all: each alone gains nothing.

    floor: the noise with all masks. shares: of the multiply-adds; those not named have none.
    """
    free: list[str] = []
    masked = dict.fromkeys(effects.names)
    while True:
        left, more = effects.noises_with(free, floor)
        now = decibels(left)
        after = dict(zip(effects.names, (decibels(each) for each in more), strict=True))
        gains = {name: now - after[name] for name in masked}
        affordable = [name for name in masked if gains[name] < WORTH_DB and after[name] >= least_db]
        if not affordable:
            return Choice(dict(sorted(gains.items(), key=lambda each: -each[1])), left)
        cheapest = min(affordable, key=lambda name: gains[name] / max(shares.get(name, 0.0), _NOTHING))
        free.append(cheapest)
        del masked[cheapest]
