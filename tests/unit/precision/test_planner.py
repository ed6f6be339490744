"""Plans, on a made-up device: layers that it computes badly, or not at all, in float16."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from samples.ncnn import small_network
from zoo.errors import ArtifactError, ZooError
from zoo.precision.effects import Broken, Effect
from zoo.precision.planner import Planner, Wanted
from zoo.precision.trials import FIRST, Masks

SHARES = {"conv": 0.6, "dw": 0.3, "fc": 0.1}
SIGNAL = (np.full((1, 6), 1000.0, np.float32),)


@dataclass
class Device:
    """Stands in for `Trials`: errors on the outputs by layer without a mask, and what gives no numbers there
    until its arithmetic, or what it stores, has one."""

    errors: dict[str, float]
    broken: dict[str, str] = field(default_factory=dict)
    floor: float = 0.01
    beyond: float = 1.0
    float16: frozenset[str] = frozenset({"conv", "dw", "add", "pool", "fc"})
    artifact: str = "a76/small/fp16"
    expected: tuple = SIGNAL
    asked: list[Masks] = field(default_factory=list)

    def unmasked(self, masks: Masks) -> dict[str, float]:
        return {
            name: each for name, each in self.errors.items() if name not in masks.arithmetic + masks.storage
        }

    def vectors(self, masks: Masks) -> dict[str, np.ndarray]:
        """Errors that have nothing to do with each other: each in a number of its own."""
        return {
            name: np.eye(6, dtype=np.float32)[list(self.errors).index(name)] * error
            for name, error in self.unmasked(masks).items()
        }

    def noise(self, graph, masks: Masks) -> np.ndarray:
        self.asked.append(masks)
        error = self.beyond * sum(error**2 for error in self.unmasked(masks).values()) + self.floor**2
        return np.array([error / float(np.sum(SIGNAL[0] ** 2))])

    def effects(self, masks: Masks, part: slice) -> list[Effect]:
        """Of one probe."""
        if part != FIRST:
            return []
        self.asked.append(masks)
        vectors = self.vectors(masks)
        broken = []
        for name, how in self.broken.items():
            cured = name in masks.storage or (how == "arithmetic" and name in masks.arithmetic)
            broken += [] if cured else [Broken(name, how == "wide")]
        changes = {name: (vector,) for name, vector in vectors.items()}
        rounded = np.eye(6, dtype=np.float32)[5] * self.floor
        outputs = (SIGNAL[0][0] + rounded + sum(vectors.values()),)
        return [Effect(outputs, (SIGNAL[0][0],), changes, tuple(broken), self.float16)]


def planned(device: Device, wide=(), asked=None, gate=None):
    planner = Planner(device, small_network(), SHARES, Wanted(asked, gate))  # type: ignore[arg-type]
    return planner.plan(wide)


def test_the_layer_that_loses_the_answer_is_masked():
    plan = planned(Device({"conv": 10.0, "dw": 0.001, "fc": 1.0}))
    assert set(plan.masks.arithmetic) == {"conv", "fc"} and not plan.masks.storage
    assert list(plan.choice.gains) == ["conv", "fc"]


def test_where_masks_gain_nothing_there_are_none():
    device = Device({"conv": 0.0001, "dw": 0.0001})
    assert planned(device).masks == Masks()
    assert device.asked == [Masks()], "where nothing computes in float16 one probe shows it"
    device = Device({"conv": 0.03, "dw": 0.01}, floor=1.0)
    assert planned(device).masks == Masks()
    assert len(device.asked) == 2, "the layers, and everything masked"


def test_more_are_masked_where_more_is_asked_for():
    errors = dict.fromkeys(("conv", "dw", "fc", "add", "pool"), 0.03)
    pay = set(planned(Device(errors, floor=0.1)).masks.arithmetic)
    assert pay == {"add", "pool"}, "what has no multiply-adds pays sooner"
    assert set(planned(Device(errors, floor=0.1), asked=86.9).masks.arithmetic) > pay
    assert set(planned(Device(errors, floor=0.1), gate=83.9).masks.arithmetic) > pay


def test_what_no_masks_reach_is_refused_if_it_was_asked_for():
    with pytest.raises(ZooError, match=r"min_sqnr_db is 120, and .* it is 10[78]\.\d dB there"):
        planned(Device({"conv": 10.0}), asked=120)
    assert planned(Device({"conv": 10.0}), gate=120).masks.arithmetic == ("conv",)


def test_a_plan_that_is_worse_than_foreseen_is_mended():
    """Two layers that would each do little do a lot together."""
    device = Device({"conv": 10.0, "dw": 0.002, "fc": 0.002}, beyond=50.0)
    assert len(planned(device).masks.arithmetic) > 1


def test_what_overflows_in_its_arithmetic_computes_in_float32():
    plan = planned(Device({"conv": 0.0}, {"dw": "arithmetic"}))
    assert plan.masks == Masks(("dw",), ()) and plan.overflowing == ("dw",)


def test_what_overflows_though_it_computes_in_float32_stores_it():
    plan = planned(Device({"conv": 10.0}, {"dw": "inside", "fc": "wide"}))
    assert plan.masks == Masks(("conv",), ("fc", "dw"))


def test_layers_that_are_known_to_be_too_large_are_not_looked_for():
    device = Device({"conv": 10.0}, {"dw": "wide"})
    assert planned(device, wide=["dw"]).masks.storage == ("dw",)
    assert [each.storage for each in device.asked] == [()] + [("dw",)] * (len(device.asked) - 1)


def test_a_device_that_stores_float32_needs_no_mask_for_what_is_too_large():
    device = Device({"conv": 0.0}, float16=frozenset())
    assert planned(device, wide=["dw"]).masks == Masks()


def test_what_nothing_cures_is_told():
    device = Device({}, {"dw": "never"})
    device.effects = lambda masks, part: [  # type: ignore[method-assign]
        Effect(SIGNAL, SIGNAL, {}, (Broken("dw", True),), frozenset())
    ]
    with pytest.raises(ArtifactError, match="layer dw, though it computes in float32 and stores it; take"):
        planned(device)
