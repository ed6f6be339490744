"""How many bits a weight of each layer gets, and in blocks of which size, so that a file has a given size.

Every form that a layer can have costs bytes, and noise on the model's outputs. The noise is measured once a
layer, in one form, and is to that of another form as the errors that the two are predicted to put on the
layer's own output (see `zoo.quantize.blocks.BlockError`). Noise of different layers adds up, so what is left
is a knapsack: the least sum that fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.array_types import Arrays
from zoo.calibration.statistics import CalibrationStatistics
from zoo.errors import ArtifactError
from zoo.jobs.scratch import scratch
from zoo.ncnn.graph import Graph
from zoo.ncnn.group_wise import is_read
from zoo.ncnn.layer import Layer
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.apply import layer_input
from zoo.quantize.blocks import BlockError, block_bytes, can_have_blocks, input_rows
from zoo.quantize.forms.columns import can_be_columns, window
from zoo.quantize.forms.rows import convolutions_on_rows
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.quantize.weight_only import in_blocks, others_as_w8, stored_bytes
from zoo.search.noise import measure_noise
from zoo.search.subject import Subject

NOMINAL: Mapping[str, tuple[int, int]] = {"w4": (4, 32), "w6": (6, 64)}
"""Bits and block size by precision: without a size that is asked for, a file is as large as with these in all
layers."""

_TRIED = (4, 32)  # bits and block of the form in which noise is measured
_FORMS = ((4, 128), (4, 64), (4, 32), (6, 128), (6, 64), (6, 32), (8, 64))
_ALPHAS = (0.0, 0.25, 0.5)
_ROWS = 256  # of a layer's outputs, evenly spread, tell the errors of its forms


@dataclass(frozen=True)
class Form:
    """What a layer can become: its plan, the bytes of its matrices, and the noise that it puts on outputs."""

    plan: LayerPlan
    size: int
    noise: float


@dataclass(frozen=True)
class Choices:
    """What a model's files of few bits can be. subject: the model; others: its graph with all but the layers
    of `forms` as in w8; forms: of each layer that can have weights in blocks, by name."""

    subject: Subject
    others: Graph
    forms: Mapping[str, Sequence[Form]]

    @classmethod
    def of(cls, subject: Subject, probes: Sequence[Arrays], processes: int, output: str | Path) -> "Choices":
        """All of them, with the noise that each layer has in one form measured.

        probes: inputs that noise is measured on; processes: see `measure_noise`. output: temporary files lie
        beside it. Raises ArtifactError, naming the model, if it has no such layer; ZooError if the statistics
        are of another model; and what `measure_noise` raises.
        """
        graph, statistics = subject.fp32.graph, subject.statistics
        statistics.check(graph)
        layers = layers_for_blocks(graph, statistics)
        if not layers:
            raise ArtifactError(
                f"{subject}: no layer of it can have weights of few bits, for only linear layers on rows, "
                "self-attention and 1x1 convolutions behind a LayerNorm can; take w8"
            )
        plans = {name: _plans(graph, statistics, layer) for name, layer in layers.items()}
        tried = {name: _nominal(each, *_TRIED) for name, each in plans.items()}
        with scratch(output) as folder:
            noise = measure_noise(subject, _recipe(graph, "tried", tried), probes, processes, folder).by_layer
        forms = {
            name: [
                Form(plan, _bytes(layers[name], plan), noise[name] * _ratio(error, each[tried[name]]))
                for plan, error in each.items()
            ]
            for name, each in plans.items()
        }
        return cls(subject, others_as_w8(graph, statistics, layers), forms)

    def recipe(self, precision: str, max_size: float | None) -> Recipe:
        """That of `w4` or `w6`: the layers of `forms` are in blocks, the others fp16 in name, and as in w8.

        max_size: bytes of the file over those of fp32; None: see `NOMINAL`. Raises ArtifactError, naming the
        model, if it cannot be so small.
        """
        graph = self.subject.fp32.graph
        whole, rest = stored_bytes(graph), self._rest_bytes()
        budget = int(max_size * whole) - rest if max_size is not None else self._nominal_bytes(precision)
        chosen = allocate(self.forms, budget)
        if chosen is None:
            smallest = rest + sum(min(form.size for form in each) for each in self.forms.values())
            least = smallest / whole
            raise ArtifactError(
                f"{self.subject}: {precision}: {{max_size: {max_size}}} is out of reach: with 4 bits where "
                f"a layer can have them the file has {least:.3f} of fp32's bytes; the others are as in w8"
            )
        return _recipe(graph, precision, {name: form.plan for name, form in chosen.items()})

    def graph(self, recipe: Recipe) -> Graph:
        """The model by a recipe of these: what `apply_weight_only` makes of it."""
        return in_blocks(self.others, self.subject.statistics, recipe)

    def _rest_bytes(self) -> int:
        """What a file has beside the matrices of the layers in blocks: any of them tells."""
        some = {name: replace(each[0].plan, rounding="nearest") for name, each in self.forms.items()}
        made = self.graph(_recipe(self.subject.fp32.graph, "some", some))
        return stored_bytes(made) - sum(each[0].size for each in self.forms.values())

    def _nominal_bytes(self, precision: str) -> int:
        """What the matrices take in the form of `NOMINAL`."""
        bits, block = NOMINAL[precision]
        found = 0
        for each in self.forms.values():
            fitting = [form for form in each if (form.plan.bits, form.plan.block) == (bits, block)]
            found += min(fitting, key=lambda form: form.noise).size
        return found


def check_device(subject: Subject, precision: str) -> None:
    """Raises ArtifactError for a gpu, and where ncnn is too old to read such weights."""
    if subject.device == "gpu":
        raise ArtifactError(
            f"{subject}: {precision} is not for a gpu: ncnn would run its layers with weights of few bits on "
            "the CPU; take w8"
        )
    if not is_read():
        raise ArtifactError(
            f"{subject}: {precision}: ncnn before 1.0.20261020 reads no weights of few bits; update it, or "
            "take w8"
        )


def layers_for_blocks(graph: Graph, statistics: CalibrationStatistics) -> dict[str, Layer]:
    """The layers that can have weights in blocks, by name: linear ones on rows, attention, and convolutions
    that can be rows; and where there are such, convolutions whose windows tile the image, too, as a ViT or a
    ConvNeXt begins with one and ConvNeXt has them between its stages."""
    on_rows = convolutions_on_rows(graph)
    seen = [layer for layer in layers_with_weights(graph) if layer.name in statistics.columns]
    found = {
        layer.name
        for layer in seen
        if layer.name in on_rows or (can_have_blocks(layer) and statistics.on_rows(layer))
    }
    if found:
        found |= {layer.name for layer in seen if window(layer) > 1 and can_be_columns(layer)}
    return {layer.name: layer for layer in seen if layer.name in found}


def allocate(forms: Mapping[str, Sequence[Form]], budget: int) -> dict[str, Form] | None:
    """A form for each layer, by name, so that the sizes stay within the budget and the noise is small; None
    if nothing is small enough.

    Begins with the smallest, and takes the step that saves most noise a byte for as long as one fits.
    """
    chosen = {name: min(each, key=lambda form: (form.size, form.noise)) for name, each in forms.items()}
    left = budget - sum(form.size for form in chosen.values())
    if left < 0:
        return None
    while True:
        steps = [
            ((own.noise - form.noise) / max(form.size - own.size, 1), name, form)
            for name, own in chosen.items()
            for form in forms[name]
            if form.noise < own.noise and form.size - own.size <= left
        ]
        if not steps:
            return chosen
        _, name, form = max(steps, key=lambda step: step[0])
        left -= form.size - chosen[name].size
        chosen[name] = form


def _plans(graph: Graph, statistics: CalibrationStatistics, layer: Layer) -> dict[LayerPlan, float]:
    """The plans that a layer can have, and the error that each is predicted to put on its output."""
    start = LayerPlan(rounding="gptq", bias_correction=False, block=64)
    source, rows = layer_input(graph, statistics, layer.name, start), input_rows(layer)
    rows = rows[:: max(1, len(rows) // _ROWS)]
    found: dict[LayerPlan, float] = {}
    alphas: dict[int, float] = {}
    for bits, block in sorted(_FORMS, key=lambda form: form[1] != 64):
        error = BlockError(source, rows, True, block, bits)
        if bits not in alphas:  # the best one hardly depends on the block
            alphas[bits] = min(_ALPHAS, key=lambda alpha: error.predicted(alpha))
        for alpha in {0.0, alphas[bits]}:
            plan = replace(start, block=block, bits=bits, alpha=alpha or None)
            found[plan] = error.predicted(alpha)
    return found


def _nominal(plans: Mapping[LayerPlan, float], bits: int, block: int) -> LayerPlan:
    """The plan of least error with these bits and blocks."""
    fitting = [plan for plan in plans if (plan.bits, plan.block) == (bits, block)]
    return min(fitting, key=lambda plan: plans[plan])


def _ratio(error: float, nominal: float) -> float:
    return error / nominal if nominal > 0 else 0.0


def _bytes(layer: Layer, plan: LayerPlan) -> int:
    assert plan.block is not None
    return block_bytes(layer, plan.block, plan.alpha is not None, plan.bits)


def _recipe(graph: Graph, name: str, plans: Mapping[str, LayerPlan]) -> Recipe:
    others = {layer.name: LayerPlan("fp16") for layer in layers_with_weights(graph)}
    return Recipe(name, {**others, **plans})
