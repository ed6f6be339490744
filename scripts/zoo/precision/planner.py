"""Which layers of a model get masks on a device: first what overflows, then what loses the answer.

What each layer does to the outputs is measured on a few images. From these figures the masks are chosen, and
then measured.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.errors import ArtifactError, ZooError
from zoo.ncnn.graph import Graph
from zoo.ncnn.masks import masked, stores_float32
from zoo.precision.choice import Choice, choose
from zoo.precision.effects import Broken, Effect
from zoo.precision.noise import WORTH_DB, decibels, noise
from zoo.precision.trials import FIRST, OTHERS, Masks, Trials, device_outputs, gathered

ROUNDS = 50
"""How often what overflows is looked for: what is behind it shows only once it is masked."""
ABOVE_GATE_DB = 3.0
"""A plan goes on until it is so far above the gate that the file is to pass on other images."""
EXACT_DB = 100.0
"""What layers do to the outputs that is so far below them is float32's own: nothing computes in float16."""
BEYOND_DB = 1.0
"""A plan that is so far below what was foreseen is mended."""

_NOT_FINITE = "what it computes is not finite there"
_INSTEAD = "take fp32 or bf16"
_COMPUTES_NOTHING = {
    *("Concat", "Crop", "DeepCopy", "Dropout", "ExpandDims", "Flatten", "Input", "MemoryData", "Noop"),
    *("Packing", "Padding", "Permute", "PixelShuffle", "Reorg", "Reshape", "ShuffleChannel", "Slice"),
    *("Split", "Squeeze", "Tile"),
}
"""ncnn's layer types that move numbers, which float16 arithmetic does not touch."""


@dataclass(frozen=True)
class Wanted:
    """What a plan is to reach, in dB. asked: by config.yaml; gate: the fp16 artifact's; if there is one."""

    asked: float | None = None
    gate: float | None = None

    @property
    def least_db(self) -> float:
        if self.asked is not None:
            return self.asked
        return -np.inf if self.gate is None else self.gate + ABOVE_GATE_DB


@dataclass(frozen=True)
class Plan:
    """masks: of the layers. choice: what those of their arithmetic were chosen by. everything: the masks of
    all layers that can have one. overflowing: those whose arithmetic overflows."""

    masks: Masks
    choice: Choice
    everything: Masks
    overflowing: tuple[str, ...]


@dataclass(frozen=True)
class Planner:
    """What it takes to plan: trials on the device, what is in the file that they are of, and the shares of
    the multiply-adds of those layers that have some."""

    trials: Trials
    graph: Graph
    shares: Mapping[str, float]
    wanted: Wanted

    def plan(self, wide: Collection[str]) -> Plan:
        """The masks. wide: the layers whose output is known not to fit into float16, if it is stored in it.

        Raises ZooError if not even all masks reach what was asked for, ArtifactError if they give no finite
        numbers, and what running the files raises.
        """
        sound, effects = self._sound(Masks((), self._stored(wide)))
        if _is_exact(effects) and self.wanted.asked is None:
            return Plan(sound, Choice({}, gathered(effects).energies.sum(axis=0)), sound, sound.arithmetic)
        everything = sound._replace(arithmetic=self._candidates(sound.storage))
        floor = self.trials.noise(self.graph, everything)
        best = decibels(floor)
        if not np.isfinite(floor).all():
            raise ArtifactError(f"{self.trials.artifact}: {_NOT_FINITE}, even with all of them in float32")
        if self.wanted.asked is not None and best < self.wanted.asked:
            raise ZooError(
                f"{self.trials.artifact}: fp16: min_sqnr_db is {self.wanted.asked:g}, and with every layer "
                f"computing in float32 it is {best:.1f} dB there, which the float16 between them leaves; ask "
                "for less, or take fp32 or bf16"
            )
        least = min(self.wanted.least_db, best)
        expected = tuple(each[: len(effects)] for each in self.trials.expected)
        bare = noise(expected, device_outputs(effects))
        if best - decibels(bare) < WORTH_DB and decibels(bare) >= least:
            return Plan(sound, Choice({}, bare), everything, sound.arithmetic)
        gained = gathered(effects)
        choice = choose(
            floor, gained, self.shares, min(least + WORTH_DB, best)
        )  # it is not foreseen to a tenth
        masks = sound._replace(arithmetic=(*sound.arithmetic, *choice.gains))
        foreseen = max(min(decibels(choice.noise), best) - BEYOND_DB, least)
        strength = dict(zip(gained.names, gained.energies.max(axis=1), strict=True))
        others = [name for name in everything.arithmetic if name not in masks.arithmetic]
        others.sort(key=lambda name: -strength.get(name, 0.0))
        return Plan(self._mended(masks, others, foreseen), choice, everything, sound.arithmetic)

    def _stored(self, wide: Collection[str]) -> tuple[str, ...]:
        """Those of the layers whose output the device stores in float16."""
        if not wide:
            return ()
        (seen,) = self.trials.effects(Masks(), FIRST)
        return tuple(name for name in wide if name in seen.float16)

    def _sound(self, masks: Masks) -> tuple[Masks, list[Effect]]:
        """The masks with those of what overflows, so that all numbers are finite; what the layers do then, on
        the first probe alone where that shows nothing of float16."""
        for _ in range(ROUNDS):
            effects: list[Effect] = []
            for part in (FIRST, OTHERS):
                effects += self.trials.effects(masks, part)
                broken = list(dict.fromkeys(each for effect in effects for each in effect.broken))
                if broken or _is_exact(effects):
                    break
            if not broken:
                return masks, effects
            masks = self._with(masks, broken)
        raise ArtifactError(f"{self.trials.artifact}: {_NOT_FINITE}: layer {broken[0].name}; {_INSTEAD}")

    def _with(self, masks: Masks, broken: Sequence[Broken]) -> Masks:
        """The masks, and those of layers that give what is not finite: of their arithmetic, and where that
        does not help, or the output itself is too large, of what they store."""
        for name, wide in broken:
            if name in masks.storage:
                raise ArtifactError(
                    f"{self.trials.artifact}: {_NOT_FINITE}: layer {name}, though it computes in float32 and "
                    f"stores it; {_INSTEAD}"
                )
            if wide or name in masks.arithmetic:
                left = tuple(each for each in masks.arithmetic if each != name)
                masks = Masks(left, (*masks.storage, name))
            else:
                masks = masks._replace(arithmetic=(*masks.arithmetic, name))
        return masks

    def _candidates(self, storage: Collection[str]) -> tuple[str, ...]:
        """The layers that can have a mask of their arithmetic."""
        floats = {layer.name for layer in masked(self.graph, (), storage).layers if stores_float32(layer)}
        return tuple(
            layer.name
            for layer in self.graph.layers
            if layer.type not in _COMPUTES_NOTHING and layer.name not in floats
        )

    def _mended(self, masks: Masks, others: Sequence[str], least_db: float) -> Masks:
        """The masks, or more of them, in the order of others, if they are not what was foreseen."""
        more = 1
        while others and (found := decibels(self.trials.noise(self.graph, masks))) < least_db:
            logging.info("these masks give %.1f dB, and %.1f were foreseen: more", found, least_db)
            masks = masks._replace(arithmetic=(*masks.arithmetic, *others[:more]))
            others, more = others[more:], 2 * more
        return masks


def _is_exact(effects: Sequence[Effect]) -> bool:
    """Whether layers do no more to the outputs than float32's rounding."""
    return decibels(gathered(effects).energies.sum(axis=0)) >= EXACT_DB
