"""The recipes that int8 is tried with."""

import pytest

from samples.ncnn import fed, layer, normal
from zoo.calibration.collect import collect
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.pair import Pair
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.subject import Subject
from zoo.sweep import int8
from zoo.sweep.int8 import recipes

SHAPE = (3, 8, 8)


def chain() -> Graph:
    """Six convolutions of 3 channels, which cost more the later they are: each has larger outliers."""
    layers = [layer("Input", "in0", "", "in0")]
    for place in range(6):
        wide = normal(place)

        def draw(size: int, wide=wide, place=place):
            values = wide(size)
            values[0] *= 1 + 3 * place
            return values

        layers.append(
            layer(
                "Convolution",
                f"conv{place}",
                "in0" if place == 0 else f"{place}",
                "out0" if place == 5 else f"{place + 1}",
                draw=draw,
                num_output=3,
                kernel_w=3,
                pad_left=1,
                bias_term=1,
                weight_data_size=81,
            )
        )
    return Graph(tuple(layers))


@pytest.fixture
def subject(tmp_path) -> Subject:
    graph, files = chain(), (tmp_path / "fp32.param", tmp_path / "fp32.bin")
    write_graph(graph, *files)
    draw = normal(1)
    images = [(str(number), draw(192).reshape(SHAPE)) for number in range(8)]
    statistics = collect(graph, NcnnRunner(*files, "cpu", 1, precision="fp32"), fed(images))
    return Subject("m", "cpu", Pair(graph, *files), statistics)


def test_the_costliest_layers_become_float_after_the_local_recipe(subject, tmp_path, monkeypatch):
    draw = normal(2)
    probes = [(draw(192).reshape(SHAPE),) for _ in range(2)]
    first, *others = recipes(subject, probes, [SHAPE], tmp_path)
    assert first.name == "local" and others
    for recipe in others:
        assert set(recipe.with_precision("int8")) < set(first.with_precision("int8"))
    monkeypatch.setattr(int8, "FAITHFUL_DB", 500.0)  # none comes so far: that of the least noise is left
    assert [each.name for each in recipes(subject, probes, [SHAPE], tmp_path)][1:] == [others[-1].name]


def test_nothing_is_measured_before_the_local_recipe_was_tried(subject, tmp_path):
    assert next(recipes(subject, [], [SHAPE], tmp_path)).name == "local"
