"""What each layer costs a model: the noise that its int8 form alone puts on the outputs, time and weights."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from zoo.array_types import Arrays
from zoo.calibration.statistics import CalibrationStatistics, ColumnStatistics
from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import isolated_each
from zoo.measure.layer_time import LayerTimes
from zoo.measure.metrics import ratio_db
from zoo.ncnn.graph import Graph, read_graph, write_files
from zoo.ncnn.layer import is_scale
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.apply import apply, check_recipe
from zoo.quantize.centring import shift_name
from zoo.quantize.channel_scales import quantize_name
from zoo.quantize.linear import transposition_names
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.runners.inference import stacked
from zoo.runners.ncnn_runner import NcnnRunner

_LARGE = 50_000_000


@dataclass(frozen=True)
class Noise:
    """Energies of the model's outputs, each the mean square of a number of them over all probe images; of
    several outputs each is taken over its own energy in fp32, so that they count alike.

    signal: of the fp32 outputs. by_layer: of the difference that one layer's int8 form alone makes. Errors of
    different layers hardly go together, so the noise of a recipe is about the sum over its int8 layers.
    """

    signal: float
    by_layer: Mapping[str, float]

    def sqnr_db(self, *layers: str) -> float:
        """SQNR of the outputs in dB; of several layers together as their sum predicts it."""
        return ratio_db(self.signal, sum(self.by_layer[name] for name in layers))


def probes_for(graph: Graph) -> int:
    """How many probe images will do: every layer asks for a run of the whole model on each."""
    return 2 if graph.parameters > _LARGE else 8


def fitting(processes: int, memory_mb: float, graph: Graph) -> int:
    """How many of so many children for `measure` fit into this memory, at least one."""
    stored_mb = 4 * graph.parameters / (1 << 20)
    parent, child = 500 + 1.5 * stored_mb, 200 + 3.5 * stored_mb
    return max(1, min(processes, int((memory_mb - parent) / child)))


def measure(
    graph: Graph,
    files: tuple[Path, Path],
    statistics: CalibrationStatistics,
    recipe: Recipe,
    inputs: Sequence[Arrays],
    processes: int = 1,
    model: str = "the model",
    folder: str | Path | None = None,
    progress: str | None = None,
) -> Noise:
    """The noise of each layer that is int8 in `recipe`, in the form that it has there, all others in fp32.

    graph: fp32; files: the `.param` and `.bin` that it was read from. inputs: those of each probe image.
    model: its name in errors.
    processes: children that share out the layers, a core each; the result does not depend on their number.
    folder: for temporary model files, one a child at any time. progress: the text of a progress bar.

    Outputs are those of ncnn on the CPU, whatever the device that the model is for: int8 is computed there as
    on Vulkan, to a few 1e-7, but with the same last bit in every run.

    Raises ZooError if recipe or statistics are of another model or there are no images, and ArtifactError,
    naming model and layer, if ncnn crashes or the outputs are not finite.
    """
    check_recipe(recipe, graph)
    statistics.check(graph)
    if not inputs:
        raise ZooError(f"{model}: there are no probe images to measure the noise of its layers on")
    names = recipe.with_precision("int8")
    calls: dict[str, tuple[Any, ...]] = {f"{model} in fp32": (None, {})}
    for name in names:
        columns = {name: statistics.columns[name]} if name in statistics.columns else {}
        calls[f"{model} with only the layer {name} in int8"] = (_alone(recipe, name), columns)
    # the columns are most of the statistics, so each goes to the child that needs it; checked above
    common = replace(statistics, columns={}, fingerprint=None)
    with tempfile.TemporaryDirectory(prefix="sensitivity-", dir=folder) as scratch:
        found = isolated_each(calls, _outputs, processes, _start, files, common, list(inputs), Path(scratch))
        if progress is not None:
            from tqdm import tqdm

            found = iter(tqdm(found, progress, len(calls), disable=None, delay=2, leave=False, unit="layer"))
        reference, *others = ([each.astype(np.float64) for each in outputs] for outputs in found)
    energies = [_energy(reference, reference)]
    for outputs in others:
        energies.append(_energy([a - b for a, b in zip(outputs, reference, strict=True)], reference))
    for what, energy in zip(calls, energies, strict=True):
        if not np.isfinite(energy):
            raise ArtifactError(f"{what}: the outputs are not finite")
    return Noise(energies[0], dict(zip(names, energies[1:], strict=True)))


def _energy(outputs: Sequence[NDArray[np.float64]], reference: Sequence[NDArray[np.float64]]) -> float:
    """The mean square of an output's numbers; the mean over several outputs, each over its own in fp32."""
    means = [float(np.mean(each**2)) for each in outputs]
    if len(means) == 1:
        return means[0]
    own = [float(np.mean(each**2)) or 1.0 for each in reference]
    return float(np.mean([mean / energy for mean, energy in zip(means, own, strict=True)]))


class _Child(NamedTuple):
    graph: Graph
    statistics: CalibrationStatistics
    inputs: list[Arrays]
    folder: Path


_child: list[_Child] = []


def _start(files: tuple[Path, Path], *shared: Any) -> None:
    threadpool_limits(1, user_api="blas")
    # read here: the graph of a large model would be copied twice on its way from the parent
    _child.append(_Child(read_graph(*files), *shared))


def _alone(recipe: Recipe, name: str) -> Recipe:
    """The recipe with no other layer than that in int8, and none in fp16."""
    floats = dict.fromkeys(recipe.layers, LayerPlan("fp32"))
    others = [other for other in recipe.with_precision("int8") if other != name]
    return replace(recipe.floating(others), name=f"only {name}", layers=floats | {name: recipe.layers[name]})


def _outputs(recipe: Recipe | None, columns: Mapping[str, ColumnStatistics]) -> Arrays:
    """The outputs, each (images, …), of the model by that recipe, or of the fp32 model."""
    graph, statistics, inputs, folder = _child[0]
    if recipe is not None:
        graph = apply(graph, replace(statistics, columns=columns), recipe)
    param, weights = (folder / f"{os.getpid()}.{end}" for end in ("param", "bin"))
    write_files(graph, param, weights)
    runner = NcnnRunner(param, weights, "cpu", 1, precision="fp32")
    return stacked([runner.run(each) for each in inputs])


@dataclass(frozen=True)
class LayerSensitivity:
    """A layer with weights. noise: see `Noise`; None, and so is sqnr_db, where it was not tried in int8.

    weights: how many numbers it stores; weight_share: of all of the model. time_ms: of one run in fp32, see
    `layer_time`; time_share: of all layers together; int8_ms: of one run in int8, with the layers that
    are there for it alone, if it was tried. multiply_adds: of one run. plan: what the chosen recipe does with
    it, once there is one.
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


@dataclass(frozen=True)
class Sensitivity:
    """The layers of a model in the graph's order. images: probes; signal: see `Noise`.

    time_device: the name of what ran the layers, for their times; transfers: whether the times include that
    of handing each result to the CPU (see `layer_time`).
    """

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
        return asdict(self) | {"layers": layers}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Sensitivity":
        """The inverse of `to_dict`. Raises ZooError for what is not one."""
        try:
            layers = tuple(
                LayerSensitivity(**layer | {"plan": layer["plan"] and LayerPlan(**layer["plan"])})
                for layer in values["layers"]
            )
            return cls(**dict(values) | {"layers": layers})
        except (KeyError, TypeError) as error:
            raise ZooError(
                "not a record of sensitivity as this version writes it; delete it to have it made again"
            ) from error


def sensitivity(
    graph: Graph,
    noise: Noise,
    times: LayerTimes,
    int8_times: LayerTimes,
    multiply_adds: Mapping[str, int],
    images: int,
    model: str,
    device: str,
) -> Sensitivity:
    """Noise, time and weights side by side, for the layers that a recipe names.

    times: of the same graph; int8_times: of that recipe's int8 graph. multiply_adds: by layer. images: how
    many probes the noise was measured on.
    """
    total_time = sum(times.ms.values()) or 1.0
    layers = []
    for layer in layers_with_weights(graph):
        weights = sum(each.values.size for role, each in layer.weights.items() if not is_scale(role))
        measured = layer.name in noise.by_layer
        layers.append(
            LayerSensitivity(
                layer.name,
                layer.type,
                noise.by_layer.get(layer.name),
                noise.sqnr_db(layer.name) if measured else None,
                weights,
                weights / graph.parameters,
                times.ms[layer.name],
                times.ms[layer.name] / total_time,
                int8_ms(int8_times, layer.name) if measured else None,
                multiply_adds[layer.name],
            )
        )
    return Sensitivity(model, device, images, noise.signal, times.device, times.transfers, tuple(layers))


def int8_ms(times: LayerTimes, name: str) -> float:
    """Milliseconds of a layer and of what was put around it alone: shift, Quantize, turns of its blobs."""
    own = (shift_name(name), quantize_name(name), *transposition_names(name))
    return times.ms[name] + sum(times.ms.get(each, 0.0) for each in own)
