"""How much noise each layer's float16 arithmetic puts on a model's outputs.

A noise is an array (outputs,): the energy of the difference to fp32, over that of fp32's output, of each.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zoo.array_types import Arrays, Doubles
from zoo.measure.metrics import MAX_DB

WORTH_DB = 0.5
"""A mask that gains less is not worth what it costs."""


def noise(expected: Arrays, got: Arrays) -> Doubles:
    """The noise of outputs, each (images, …); infinite if one of its numbers is not finite."""
    found = []
    for one, other in zip(expected, got, strict=True):
        signal = float(np.sum(np.square(one, dtype=np.float64)))
        error = float(np.sum(np.square(one.astype(np.float64) - other)))
        found.append(np.inf if not np.isfinite(error) else error / signal if signal else 0.0)
    return np.array(found)


def decibels(noise: Doubles) -> float:
    """The SQNR of the worst output, limited to ±MAX_DB."""
    worst = float(noise.max(initial=0.0))
    if not np.isfinite(worst):
        return -MAX_DB
    return MAX_DB if worst == 0 else float(np.clip(-10 * np.log10(worst), -MAX_DB, MAX_DB))


@dataclass(frozen=True)
class Effects:
    """What the float16 arithmetic of each layer alone changes in the outputs.

    names: of the layers. vectors: for each output (layers, numbers), of all probes one after the other, so
    that the square of one's length is its noise.
    """

    names: tuple[str, ...]
    vectors: tuple[Doubles, ...]

    @cached_property
    def energies(self) -> Doubles:
        """The noise of each layer alone, (layers, outputs)."""
        return np.stack([np.square(each).sum(axis=1) for each in self.vectors], axis=1)

    def noises_with(self, layers: Collection[str], floor: Doubles) -> tuple[Doubles, Doubles]:
        """The noise with float16 arithmetic in these layers, and, (layers, outputs), with one more as well.

        floor: the noise with none. Effects that have nothing to do with each other add up as energies do, and
        those that go together as vectors; the larger counts: that some cancel out is an accident of probes.
        """
        places = [self.names.index(name) for name in layers]
        energy, sums = self.energies[places].sum(axis=0), [each[places].sum(axis=0) for each in self.vectors]
        together = np.array([each @ each for each in sums])
        crossed = np.stack([2 * each @ own for each, own in zip(self.vectors, sums, strict=True)], axis=1)
        more = np.maximum(energy + self.energies, together + crossed + self.energies)
        return floor + np.maximum(energy, together), floor + more
