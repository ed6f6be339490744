"""Which layers are masked, by what each does to the outputs without its mask, and by what its mask costs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zoo.array_types import Doubles
from zoo.precision.noise import WORTH_DB, Effects, decibels

WORTH_SHARE = 0.05
"""Masks are worth what they cost if they gain `WORTH_DB` for each such share of the multiply-adds."""
LEAST_SHARE = 0.0025
"""What a layer counts for that has hardly any: its mask is not free, for numbers are converted for it."""


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
    which then compute in float16 again, until none is left. Of what there was on the way that is taken whose
    dB, less `WORTH_DB` for each `WORTH_SHARE` that is masked, are most, of what keeps `least_db`.

    To take back whatever loses little by itself is too much: of noise that is spread over many layers each
    has little, and all together have decibels. From the other end, masking the most rewarding first, such
    noise would have no mask at all: each alone gains nothing.

    floor: the noise with all masks, which keeps `least_db`. shares: of the multiply-adds; those not named
    have none.
    """
    costs = {name: max(shares.get(name, 0.0), LEAST_SHARE) for name in effects.names}
    free: list[str] = []
    masked = dict.fromkeys(effects.names)
    best, most = None, -np.inf
    while True:
        left, more = effects.noises_with(free, floor)
        now = decibels(left)
        after = dict(zip(effects.names, map(decibels, more), strict=True))
        gains = {name: now - after[name] for name in masked}
        worth = now - WORTH_DB / WORTH_SHARE * sum(costs[name] for name in masked)
        if best is None or (now >= least_db and worth > most):
            best, most = Choice(dict(sorted(gains.items(), key=lambda each: -each[1])), left), worth
        if not masked:
            return best
        cheapest = min(masked, key=lambda name: gains[name] / costs[name])
        free.append(cheapest)
        del masked[cheapest]
