"""What got worse since a baseline, by more than a margin; where fidelity did, in which layer."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from zoo.config.artifacts import ARTIFACTS
from zoo.config.settings import Regression
from zoo.history.figures import Figures, LayerFidelity, Machine

ENOUGH_DB = 100.0
"""Above this SQNR all is as good: float32 arithmetic in another order, as on another processor, moves it."""
_ROUNDING = 1e-9
_RISES = ("bytes", "latency_ms")


@dataclass(frozen=True)
class Comparison:
    """worse: what got worse, and what should be compared and could not; notes: what else there is to say."""

    worse: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Measure:
    """A figure that is compared. images: what it was measured on, a key of `Figures.images`; margin: the key
    of `Regression`; factor: from its unit to the one that it is told in."""

    name: str
    title: str
    unit: str
    margin: str
    images: str | None = None
    factor: float = 1.0

    def fall(self, before: float, after: float) -> float:
        """How much worse, in the margin's unit; of what should be small in percent."""
        if self.name in _RISES:
            return 100 * (after - before) / before if before else 0.0
        return min(before, ENOUGH_DB) - min(after, ENOUGH_DB) if self.name == "sqnr_db" else before - after

    def text(self, value: float) -> str:
        return f"{self.factor * value:.6g} {self.unit}"


MEASURES = (
    Measure("sqnr_db", "SQNR", "dB", "sqnr_db", "verification"),
    Measure("agreement", "agreement in the verification", "%", "agreement", "verification", 100),
    Measure("evaluated_agreement", "agreement in the evaluation", "%", "agreement", "evaluation", 100),
    Measure("top1", "top-1", "%", "top1", "evaluation", 100),
    Measure("bytes", "size", "bytes", "size_percent"),
    Measure("latency_ms", "latency", "ms", "latency_percent"),
)


def compare(
    baseline: Collection[Figures], present: Iterable[Figures], margins: Mapping[str, Regression]
) -> Comparison:
    """What became of each line of the baseline that has a successor in `present`. margins: by model."""
    after = {figures.name: figures for figures in present}
    worse: list[str] = []
    others: dict[tuple[Machine, Machine], list[str]] = defaultdict(list)
    for kept in baseline:
        if new := after.get(kept.name):
            worse += _worse(kept, new, margins[kept.model])
            if not kept.machine.times_as(new.machine) and kept.value("latency_ms") is not None:
                others[_nameless(kept.machine), _nameless(new.machine)].append(kept.name)
    noisy = [  # told, and no failure
        f"latency of {kept.name}: it is {_ms(new)} ms, was {_ms(kept)}, "
        "but slow runs then took as long as quick ones now: measure again with nothing beside"
        for kept in baseline
        if (new := after.get(kept.name)) and _is_noise(kept, new, margins[kept.model].latency_percent)
    ]
    notes = [
        f"latencies of {', '.join(names)}: the baseline's are of {before}, these of another, {now}"
        for (before, now), names in others.items()
    ]
    return Comparison(tuple(worse), (*notes, *noisy))


def _ms(figures: Figures) -> str:
    return f"{figures.value('latency_ms'):.4g}"


def _nameless(machine: Machine) -> Machine:
    return replace(machine, host="")


def _worse(kept: Figures, new: Figures, margins: Regression) -> Iterator[str]:
    """Sentences on what got worse of one artifact."""
    if kept.passed and not new.passed:
        yield f"{kept.name}: it fails its verification, and passed before: {'; '.join(new.failures)}"
    for purpose, images in kept.images.items():
        if (now := new.images.get(purpose)) not in (images, None):
            others = "others of the same name" if str(now) == str(images) else str(images)
            yield (
                f"{kept.name}: it cannot be compared: the {purpose} is on {now}, and was on {others}; "
                "give back the images, or keep a new baseline: snakemake keep_baseline"
            )
    for measure in MEASURES:
        yield from _worse_by(measure, kept, new, getattr(margins, measure.margin))


def _is_noise(kept: Figures, new: Figures, margin: float) -> bool:
    """Whether a latency is worse, but by less than its runs differ: the 90th percentile of those before is
    above the 10th of those now."""
    before, after = kept.metric("latency_ms"), new.metric("latency_ms")
    if before is None or after is None or not kept.machine.times_as(new.machine):
        return False
    slow, quick = before.upper_value or before.value, after.lower_value or after.value
    return after.value > before.value * (1 + margin / 100) and quick <= slow


def _worse_by(measure: Measure, kept: Figures, new: Figures, margin: float) -> Iterator[str]:
    before, after = kept.value(measure.name), new.value(measure.name)
    if before is None or (measure.name == "latency_ms" and not kept.machine.times_as(new.machine)):
        return
    if measure.images and new.images.get(measure.images) not in (kept.images.get(measure.images), None):
        return  # other images, which has been said
    if after is None:
        yield f"{kept.name}: {measure.title} was {measure.text(before)}, and is not there any more"
    elif measure.name == "latency_ms" and _is_noise(kept, new, margin):
        return
    elif (fall := measure.fall(before, after)) > margin + _ROUNDING:
        unit = "%" if measure.name in _RISES else measure.unit
        by = f"{measure.factor * fall:.3g} {unit} worse, and {measure.factor * margin:g} {unit} are allowed"
        where = f"; {layers_said(kept, new, margin)}" if measure.name == "sqnr_db" else ""
        figures = f"{measure.title} is {measure.text(after)}, was {measure.text(before)}"
        yield f"{kept.name}: {figures}: {by}{where}"


def layers_said(kept: Figures, new: Figures, margin: float) -> str:
    """The first layer, in the graph's order, that is further from fp32 than before by more than `margin` dB,
    and the one that is so by most; or why none can be named."""
    if not kept.layers or not new.layers:
        ncnn = kept.artifact in ARTIFACTS and ARTIFACTS[kept.artifact].runtime == "ncnn"
        if ncnn and new.layers == kept.layers:
            return "it is what the layers of others are compared with, so none of its own can be named"
        return "its layers were not compared" if ncnn else "layers are told of ncnn's files only"
    before = {layer.blob: layer for layer in kept.layers}
    shared = [(before[layer.blob], layer) for layer in new.layers if layer.blob in before]
    if not shared:
        return "no layer is the same as in the baseline, so none can be named"
    fallen = [pair for pair in shared if _fall(*pair) > margin + _ROUNDING]
    if not fallen:
        return (
            f"none of the {len(shared)} layers that are in both is further from ncnn's fp32 than before: "
            "look at fp32, or at the images"
        )
    first, worst = fallen[0], max(fallen, key=lambda pair: _fall(*pair))
    text = f"the first layer that is worse is {_layer(*first)}"
    return text if worst is first else f"{text}, the one that lost most {_layer(*worst)}"


def _fall(before: LayerFidelity, after: LayerFidelity) -> float:
    return min(before.sqnr_db, ENOUGH_DB) - min(after.sqnr_db, ENOUGH_DB)


def _layer(before: LayerFidelity, after: LayerFidelity) -> str:
    return f"{after.layer}: {after.sqnr_db:g} dB to fp32, was {before.sqnr_db:g}"
