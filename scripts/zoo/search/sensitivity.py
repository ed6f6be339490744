"""What each layer costs a model: the noise that its int8 form alone puts on the outputs, time and weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from zoo.array_types import Arrays
from zoo.config.records.record import Record
from zoo.errors import ZooError
from zoo.jobs.scratch import scratch
from zoo.measure.layer_time import LayerTimes, layer_times
from zoo.measure.multiply_adds import multiply_adds
from zoo.ncnn.graph import Graph, write_files
from zoo.ncnn.group_wise import BLOCK_SIZES, is_read
from zoo.ncnn.layer import is_scale
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.apply import apply
from zoo.quantize.centring import shift_name
from zoo.quantize.channel_scales import quantize_name
from zoo.quantize.forms.columns import fits_columns
from zoo.quantize.forms.linear import transposition_names
from zoo.quantize.forms.rows import convolutions_on_rows
from zoo.quantize.forms.vectors import reads_vector
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.search.noise import Noise, measure_noise
from zoo.search.subject import Subject


@dataclass(frozen=True)
class LayerSensitivity:
    """A layer with weights. noise: see `Noise`; None, and so is sqnr_db, where it was not tried in int8.

    weights: how many numbers it stores; weight_share: of all of the model. time_ms: of one run in fp32, see
    `layer_time`; time_share: of all layers together; int8_ms: of one run in int8, with the layers that
    are there for it alone, if it was tried; block_ms: likewise with its weights in blocks, where it has none
    in `int8_ms` and can have them as a Gemm. multiply_adds: of one run. plan: what the chosen recipe does
    with it, once there is one.
    """

    name: str
    type: str
    noise: float | None
    sqnr_db: float | None
    weights: int
    weight_share: float
    time_ms: float
    time_share: float
    int8_ms: float | None
    multiply_adds: int = 0
    plan: LayerPlan | None = None
    block_ms: float | None = None


@dataclass(frozen=True)
class Sensitivity(Record):
    """The layers of a model in the graph's order. images: probes; signal: see `Noise`.

    time_device: the name of what ran the layers, for their times; transfers: whether the times include that
    of handing each result to the CPU (see `layer_time`).
    """

    KIND: ClassVar[str] = "record of sensitivity"

    model: str
    device: str
    images: int
    signal: float
    time_device: str
    transfers: bool
    layers: tuple[LayerSensitivity, ...] = field(default=())

    def with_recipe(self, recipe: Recipe) -> "Sensitivity":
        """The same with the plans of the recipe that was chosen. Raises ZooError if it is another model's."""
        if missing := [layer.name for layer in self.layers if layer.name not in recipe.layers]:
            raise ZooError(f"the recipe {recipe.name} does not say what becomes of the layer {missing[0]}")
        layers = tuple(replace(layer, plan=recipe.layers[layer.name]) for layer in self.layers)
        return replace(self, layers=layers)

    def int8_shares(self, recipe: Recipe) -> tuple[float, float]:
        """The shares, 0 to 1, of the weights and of the multiply-adds that are int8 by a recipe."""
        int8 = set(recipe.with_precision("int8"))
        weights, products = (
            (sum(each for name, each in counts if name in int8), sum(each for _, each in counts))
            for counts in (
                [(layer.name, layer.weights) for layer in self.layers],
                [(layer.name, layer.multiply_adds) for layer in self.layers],
            )
        )
        return weights[0] / max(weights[1], 1), products[0] / max(products[1], 1)

    def noise(self) -> Noise:
        """The measured noise, to predict that of recipes from."""
        return Noise(
            self.signal, {layer.name: layer.noise for layer in self.layers if layer.noise is not None}
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and for `from_dict`."""
        layers = [
            asdict(layer) | {"plan": None if layer.plan is None else layer.plan.to_dict()}
            for layer in self.layers
        ]
        return super().to_dict() | {"layers": layers}


@dataclass(frozen=True)
class Costs:
    """What it takes to run each layer: in fp32; in int8, of a recipe that has all in int8 that can be so; its
    multiply-adds, by layer; and milliseconds, with weights in blocks, of those that can be Gemm."""

    times: LayerTimes
    int8_times: LayerTimes
    multiply_adds: Mapping[str, int]
    block_ms: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, subject: Subject, recipe: Recipe, shapes: Sequence[tuple[int, ...]], folder: Path) -> "Costs":
        """Measured on inputs of these shapes; the int8 files lie in `folder` for a while."""
        files = folder / "int8.param", folder / "int8.bin"

        def timed(graph: Graph) -> LayerTimes:
            write_files(graph, *files)
            return layer_times(files, shapes, subject.device)

        graph, statistics = subject.fp32.graph, subject.statistics
        times = layer_times(subject.fp32.files, shapes, subject.device)
        int8_times = timed(apply(graph, statistics, recipe))
        in_blocks = as_gemm(subject, recipe) if subject.device == "cpu" and is_read() else {}
        block_ms = {}
        if in_blocks:
            form = apply(graph, statistics, replace(recipe, layers={**recipe.layers, **in_blocks}))
            block_ms = ms_of_form(timed(form), form, graph, in_blocks)
        return cls(times, int8_times, multiply_adds(subject.fp32.files, shapes), block_ms)


def measure_sensitivity(
    subject: Subject,
    recipe: Recipe,
    probes: Sequence[Arrays],
    shapes: Sequence[tuple[int, ...]],
    processes: int,
    output: str | Path,
) -> Sensitivity:
    """Noise, time and weights of each layer, with what is int8 in `recipe` in the form that it has there.

    probes: inputs to measure the noise on; shapes: those of the inputs. processes: see `measure_noise`.
    output: the file that is written in the end; temporary files lie beside it. Raises what `measure_noise`
    and `layer_times` raise.
    """
    with scratch(output) as folder:
        noise = measure_noise(subject, recipe, probes, processes, folder)
        costs = Costs.of(subject, recipe, shapes, folder)
    layers = layer_sensitivities(subject.fp32.graph, noise, costs)
    times = costs.times
    return Sensitivity(
        subject.model, subject.device, len(probes), noise.signal, times.device, times.transfers, layers
    )


def layer_sensitivities(graph: Graph, noise: Noise, costs: Costs) -> tuple[LayerSensitivity, ...]:
    """Noise, time and weights side by side, for the layers that a recipe names."""
    total_time = sum(costs.times.ms.values()) or 1.0
    layers = []
    for layer in layers_with_weights(graph):
        weights = sum(each.values.size for role, each in layer.weights.items() if not is_scale(role))
        measured = layer.name in noise.by_layer
        layers.append(
            LayerSensitivity(
                layer.name,
                layer.type,
                noise=noise.by_layer.get(layer.name),
                sqnr_db=noise.sqnr_db(layer.name) if measured else None,
                weights=weights,
                weight_share=weights / graph.parameters,
                time_ms=costs.times.ms[layer.name],
                time_share=costs.times.ms[layer.name] / total_time,
                int8_ms=int8_ms(costs.int8_times, layer.name) if measured else None,
                multiply_adds=costs.multiply_adds[layer.name],
                block_ms=costs.block_ms.get(layer.name),
            )
        )
    return tuple(layers)


def int8_ms(times: LayerTimes, name: str) -> float:
    """Milliseconds of a layer and of what is there for it alone: shift, Quantize, transposed blobs."""
    own = (shift_name(name), quantize_name(name), *transposition_names(name))
    return times.ms[name] + sum(times.ms.get(each, 0.0) for each in own)


def as_gemm(subject: Subject, recipe: Recipe) -> dict[str, LayerPlan]:
    """A plan with weights in blocks for each int8 layer that has none yet and can be a Gemm: on rows, on
    columns, or on one row. It is to be timed only: its weights are rounded to nearest."""
    graph, seen = subject.fp32.graph, subject.statistics
    places = convolutions_on_rows(graph)
    chosen = []
    for name in recipe.with_precision("int8"):
        layer, plan = graph[name], recipe.layers[name]
        can_be = name in places or fits_columns(layer, seen) or reads_vector(layer, seen)
        if can_be and plan.block is None:
            chosen.append(name)
    return dict.fromkeys(chosen, LayerPlan(block=BLOCK_SIZES[1], alpha=0.5, bias_correction=False))


def ms_of_form(times: LayerTimes, form: Graph, graph: Graph, names: Iterable[str]) -> dict[str, float]:
    """Milliseconds of each named layer in another form of a graph, with the layers that are there for it
    alone: those that only the form has, whose names begin with its own."""
    found = {name: times.ms[name] for name in names}
    longest = sorted(found, key=len, reverse=True)
    for layer in form.layers:
        if layer.name in graph:
            continue
        owner = next((name for name in longest if layer.name.startswith(f"{name}_")), None)
        if owner is not None:
            found[owner] += times.ms[layer.name]
    return found
