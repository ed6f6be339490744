"""The recipes of int8 that a subject is tried with: the local one, then what a build's search would try."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from zoo.array_types import Arrays
from zoo.images.inputs import Shape
from zoo.measure.layer_time import LayerTimes
from zoo.measure.multiply_adds import multiply_adds
from zoo.quantize.recipe import Recipe
from zoo.search.candidates import searched
from zoo.search.noise import measure_noise
from zoo.search.planning import local_recipe
from zoo.search.sensitivity import Costs, layer_sensitivities
from zoo.search.subject import Subject
from zoo.sweep.row import FAITHFUL_DB

TRIES = 4
"""Recipes of the search that are tried at most."""
UNSURE_DB = 1.0
"""How far what a recipe costs may be from what the costs of its layers add up to."""


def recipes(
    subject: Subject, probes: Sequence[Arrays], shapes: Sequence[Shape], folder: Path
) -> Iterator[Recipe]:
    """`local`, and then, of the recipes that the search tries, those that leave the layers float that cost
    most, from few to many: the first of these are passed over whose layers' costs add up to too much.

    probes: inputs that the cost of each layer is measured on, once `local` was not enough. shapes: those of
    the inputs. folder: for temporary files. Times are not measured: int8 is taken for twice as fast.
    Raises what `measure_noise` raises.
    """
    graph = subject.fp32.graph
    local = local_recipe(graph, subject.statistics)
    yield local
    noise = measure_noise(subject, local, probes, folder=folder)
    products = multiply_adds(subject.fp32.files, shapes)
    ms = dict.fromkeys((layer.name for layer in graph.layers), 0.0)
    ms |= {name: float(count) for name, count in products.items()}
    whole = LayerTimes(ms, "", False)
    half = LayerTimes({name: each / 2 for name, each in ms.items()}, "", False)
    layers = layer_sensitivities(graph, noise, Costs(whole, half, products))
    found = [each for name, each in searched(graph, local, layers).items() if name.startswith("local-")]
    likely = [
        each for each in found if noise.sqnr_db(*each.with_precision("int8")) >= FAITHFUL_DB - UNSURE_DB
    ]
    yield from islice(likely or found[-1:], TRIES)
