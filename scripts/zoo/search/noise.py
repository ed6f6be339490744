"""The noise that each layer's int8 form alone puts on a model's outputs, measured in child processes."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from zoo.array_types import Arrays
from zoo.calibration.attention import projection_name
from zoo.calibration.statistics import CalibrationStatistics, ColumnStatistics
from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import isolated_each
from zoo.jobs.progress import progress
from zoo.jobs.usage import fitting
from zoo.measure.metrics import ratio_db
from zoo.ncnn.graph import Graph, read_graph, write_files
from zoo.quantize.apply import apply, check_recipe
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.runners.inference import stacked
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.subject import Subject

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


def fitting_processes(graph: Graph, threads: int, memory_mb: float) -> int:
    """How many processes `measure_noise` can have in a job that was granted so much."""
    stored_mb = 4 * graph.parameters / (1 << 20)
    return fitting(threads, memory_mb, each_mb=200 + 3.5 * stored_mb, own_mb=500 + 1.5 * stored_mb)


def measure_noise(
    subject: Subject,
    recipe: Recipe,
    probes: Sequence[Arrays],
    processes: int = 1,
    folder: str | Path | None = None,
) -> Noise:
    """The noise of each layer that is int8 in `recipe`, in the form that it has there, all others in fp32.

    probes: the inputs of each probe image. processes: children that share out the layers, a core each; the
    result does not depend on their number. folder: for temporary model files, one a child at any time.

    Outputs are those of ncnn on the CPU, whatever the device that the model is for: int8 is computed there as
    on Vulkan, to a few 1e-7, but with the same last bit in every run.

    Raises ZooError if recipe or statistics are of another model or there are no images, and ArtifactError,
    naming model and layer, if ncnn crashes or the outputs are not finite.
    """
    check_recipe(recipe, subject.fp32.graph)
    subject.statistics.check(subject.fp32.graph)
    if not probes:
        raise ZooError(f"{subject}: there are no probe images to measure the noise of its layers on")
    calls = _calls(subject, recipe)
    # the columns are most of the statistics, so each goes to the child that needs it; checked above
    common = replace(subject.statistics, columns={}, fingerprint=None)
    with tempfile.TemporaryDirectory(prefix="sensitivity-", dir=folder) as scratch:
        state = (subject.fp32.files, common, list(probes), Path(scratch))
        found = isolated_each(calls, _outputs, processes, _start, *state)
        shown = progress(found, f"sensitivity {subject.device}/{subject}", len(calls), "layer")
        reference, *others = ([each.astype(np.float64) for each in outputs] for outputs in shown)
    energies = [_energy(reference, reference)]
    for outputs in others:
        energies.append(_energy([a - b for a, b in zip(outputs, reference, strict=True)], reference))
    for what, energy in zip(calls, energies, strict=True):
        if not np.isfinite(energy):
            raise ArtifactError(f"{what}: the outputs are not finite")
    return Noise(energies[0], dict(zip(recipe.with_precision("int8"), energies[1:], strict=True)))


def _calls(subject: Subject, recipe: Recipe) -> dict[str, tuple[Any, ...]]:
    """The arguments of `_outputs`, for fp32 and for each int8 layer alone, by what they are about."""
    columns = subject.statistics.columns
    calls: dict[str, tuple[Any, ...]] = {f"{subject} in fp32": (None, {})}
    for name in recipe.with_precision("int8"):
        own = {each: columns[each] for each in (name, projection_name(name)) if each in columns}
        calls[f"{subject} with only the layer {name} in int8"] = (_alone(recipe, name), own)
    return calls


def _energy(outputs: Sequence[NDArray[np.float64]], reference: Sequence[NDArray[np.float64]]) -> float:
    """The mean square of an output's numbers; the mean over several outputs, each over its own in fp32."""
    means = [float(np.mean(each**2)) for each in outputs]
    if len(means) == 1:
        return means[0]
    own = [float(np.mean(each**2)) or 1.0 for each in reference]
    return float(np.mean([mean / energy for mean, energy in zip(means, own, strict=True)]))


class _State(NamedTuple):
    graph: Graph
    statistics: CalibrationStatistics
    probes: list[Arrays]
    folder: Path


def _start(
    files: tuple[Path, Path], statistics: CalibrationStatistics, probes: list[Arrays], folder: Path
) -> _State:
    threadpool_limits(1, user_api="blas")
    # read here: the graph of a large model would be copied twice on its way from the parent
    return _State(read_graph(*files), statistics, probes, folder)


def _alone(recipe: Recipe, name: str) -> Recipe:
    """The recipe with no other layer than that in int8, and none in fp16."""
    floats = dict.fromkeys(recipe.layers, LayerPlan("fp32"))
    others = [other for other in recipe.with_precision("int8") if other != name]
    return replace(recipe.floating(others), name=f"only {name}", layers=floats | {name: recipe.layers[name]})


def _outputs(state: _State, recipe: Recipe | None, columns: Mapping[str, ColumnStatistics]) -> Arrays:
    """The outputs, each (images, …), of the model by that recipe, or of the fp32 model."""
    graph = state.graph
    if recipe is not None:
        graph = apply(graph, replace(state.statistics, columns=columns), recipe)
    param, weights = (state.folder / f"{os.getpid()}.{end}" for end in ("param", "bin"))
    write_files(graph, param, weights)
    runner = NcnnRunner(param, weights, "cpu", 1, precision="fp32")
    return stacked([runner.run(inputs) for inputs in state.probes])
