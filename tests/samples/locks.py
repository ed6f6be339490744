"""A lock of a small network's int8, with all files that it is made from, as the jobs of a build make them."""

from collections.abc import Mapping
from pathlib import Path

import lock
from samples.artifacts import pair, photos
from samples.cards import card
from samples.convnet import network, pictures, statistics_of
from samples.report import search
from zoo.images.sets import ImageSet
from zoo.locks.origin import Origin
from zoo.measure.layer_time import LayerTimes
from zoo.ncnn.graph import Graph
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.recipe import Recipe, write_recipes
from zoo.search.noise import Noise
from zoo.search.planning import local_recipe
from zoo.search.sensitivity import Costs, Sensitivity, layer_sensitivities
from zoo.search.subject import Subject

SETTINGS = {"recipe": "auto", "exclude": [], "target": {"min_sqnr_db": 20}, "pinned": None}
MADE = ("int8.param", "int8.bin", "int8.table", "int8.recipe.json", "int8.search.json")
"""What is made by a lock, beside int8.sensitivity.json."""


def sensitivity(graph: Graph) -> Sensitivity:
    """Of a graph that nobody measured."""
    names = [layer.name for layer in layers_with_weights(graph)]
    times = LayerTimes(dict.fromkeys(names, 1.0), "a CPU", False)
    costs = Costs(times, times, dict.fromkeys(names, 8))
    layers = layer_sensitivities(graph, Noise(1.0, dict.fromkeys(names, 0.01)), costs)
    return Sensitivity("net", "cpu", 4, 1.0, "a CPU", False, layers)


def origin(folder: Path, settings: Mapping[str, object] = SETTINGS) -> Origin:
    """Of what `locked` left in the folder."""
    images = ImageSet.from_dict({"name": "photos", "path": str(folder / "photos")}).to_dict()
    pair = (folder / "fp32.param", folder / "fp32.bin")
    return Origin.of(folder / "card.json", pair, images, "as planned", settings)


def locked(folder: Path) -> tuple[Path, Path]:
    """The files of a lock of `samples.convnet.network`; what it is made from lies beside them."""
    graph, images = network(), folder / "photos"
    images.mkdir()
    photos(images)
    card("net").write(folder / "card.json")
    statistics = statistics_of(graph, pictures(24, 1), folder)
    statistics.save(folder / "calibration.npz")
    recipe: Recipe = local_recipe(graph, statistics)
    write_recipes({"local": recipe}, folder / "candidates.json")
    search("net").write(folder / "outcome.json")
    sensitivity(graph).write(folder / "sensitivity.json")
    pair(graph, folder)
    made = folder / "net.json", folder / "net.delta"
    files = folder / "fp32.param", folder / "fp32.bin"
    lock.main(
        subject=Subject.load("net", "cpu", *files, statistics=folder / "calibration.npz"),
        origin=origin(folder),
        search=str(folder / "outcome.json"),
        recipes=str(folder / "candidates.json"),
        sensitivity=str(folder / "sensitivity.json"),
        lock_output=str(made[0]),
        difference_output=str(made[1]),
    )
    return made
