"""Which layers get how many bits."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from samples import convnext, transformer
from samples.ncnn import check_graph, fed, normal, run, small_network
from zoo.calibration.collect import collect
from zoo.errors import ArtifactError
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.group_wise import weight_bits
from zoo.ncnn.pair import Pair
from zoo.quantize.recipe import LayerPlan
from zoo.quantize.weight_only import apply_weight_only, bits_in_words, stored_bytes
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.few_bits import NOMINAL, Choices, Form, allocate, check_device, layers_for_blocks
from zoo.search.subject import Subject


def rows(count: int, seed: int) -> list[np.ndarray]:
    draw = normal(seed)
    shape = transformer.TOKENS, transformer.WIDTH
    return [draw(shape[0] * shape[1]).reshape(shape) for _ in range(count)]


def subject_of(graph: Graph, images: list[np.ndarray], folder: Path, device: str = "cpu") -> Subject:
    files = folder / "fp32.param", folder / "fp32.bin"
    write_graph(graph, *files)
    runner = NcnnRunner(*files, "cpu", 1, precision="fp32")
    statistics = collect(graph, runner, fed((str(number), image) for number, image in enumerate(images)))
    return Subject("m", device, Pair(graph, *files), statistics)


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> Subject:
    return subject_of(transformer.network(), rows(40, 1), tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def choices(subject, tmp_path_factory) -> Choices:
    probes = [(image,) for image in rows(4, 2)]
    return Choices.of(subject, probes, 1, tmp_path_factory.mktemp("made") / "made.bin")


def planned(choices: Choices, precision: str = "w4", max_size: float | None = None) -> Graph:
    return choices.graph(choices.recipe(precision, max_size))


def faithful(subject: Subject, made: Graph, folder: Path) -> float:
    images = rows(6, 3)
    exact, answers = (
        np.stack([run(each, one, folder) for one in images]) for each in (subject.fp32.graph, made)
    )
    return sqnr_db(exact, answers)


def test_linear_layers_and_attention_get_few_bits_and_more_bits_are_closer(subject, choices, tmp_path):
    four, six = (planned(choices, name) for name in ("w4", "w6"))
    bits = {
        layer.name: weight_bits(layer)
        for layer in four.layers
        if layer.type in ("Gemm", "MultiHeadAttention")
    }
    assert len(bits) == 4 and set(bits.values()) <= {4, 6, 8} and 4 in bits.values()
    assert weight_bits(four["head"]) == 0, "its input is one vector"
    assert check_graph(four) == check_graph(six) == []
    whole = stored_bytes(subject.fp32.graph)
    assert stored_bytes(four) < stored_bytes(six) < 0.4 * whole
    assert faithful(subject, six, tmp_path) > faithful(subject, four, tmp_path) + 4 > 14


def test_a_size_is_kept_to_and_used(subject, choices):
    whole = stored_bytes(subject.fp32.graph)
    made = planned(choices, "w4", 0.28)
    assert 0.26 < stored_bytes(made) / whole <= 0.28
    assert len({weight_bits(layer) for layer in made.layers} - {0}) > 1, "mixed"
    with pytest.raises(
        ArtifactError, match=r"m: w4: \{max_size: 0.1\} is out of reach: .* has 0\.1\d\d of fp32's"
    ):
        planned(choices, "w4", 0.1)


def test_the_recipe_tells_what_each_layer_got(subject, choices):
    recipe = choices.recipe("w4", None)
    plans = {name: recipe.layers[name] for name in recipe.with_precision("int8")}
    made = apply_weight_only(subject.fp32.graph, subject.statistics, recipe)
    assert {name: plan.bits for name, plan in plans.items()} == {
        name: weight_bits(made[name]) for name in plans
    }
    with_matrices = choices.graph(recipe)
    assert stored_bytes(made) == stored_bytes(with_matrices), "what was chosen from is what is applied"
    assert recipe.name == "w4" and type(recipe).from_dict(recipe.to_dict()) == recipe
    words = bits_in_words(subject.fp32.graph, recipe)
    assert "% of the weights have 4 bits (" in words


def test_convolutions_on_rows_get_few_bits(tmp_path):
    graph = convnext.network()
    subject = subject_of(graph, [image for _, image in convnext.pictures(8, 1)], tmp_path)
    probes = [(image,) for _, image in convnext.pictures(2, 2)]
    choices = Choices.of(subject, probes, 1, tmp_path / "made.bin")
    made = choices.graph(choices.recipe("w4", None))
    few = [layer for layer in made.layers if weight_bits(layer)]
    assert few and {layer.type for layer in few} == {"Gemm"} and check_graph(made) == []
    assert set(layers_for_blocks(graph, subject.statistics)) == {layer.name for layer in few}
    image = convnext.pictures(1, 3)[0][1]
    assert sqnr_db(run(graph, image, tmp_path), run(made, image, tmp_path)) > 12


def test_a_model_without_such_layers_a_gpu_and_an_old_ncnn_are_refused(tmp_path, monkeypatch):
    draw = normal(1)
    subject = subject_of(small_network(), [draw(192).reshape(3, 8, 8) for _ in range(3)], tmp_path)
    with pytest.raises(ArtifactError, match=r"m: no layer of it can have weights of few bits, .* take w8"):
        Choices.of(subject, [(draw(192).reshape(3, 8, 8),)], 1, tmp_path / "made.bin")
    with pytest.raises(ArtifactError, match="m: w4 is not for a gpu"):
        check_device(replace(subject, device="gpu"), "w4")
    check_device(subject, "w4")
    monkeypatch.setattr("zoo.search.few_bits.is_read", lambda: False)
    with pytest.raises(
        ArtifactError, match=r"m: w4: ncnn before 1\.0\.20261020 reads no weights of few bits"
    ):
        check_device(subject, "w4")


def forms(seed: int) -> dict[str, list[Form]]:
    draw = np.random.default_rng(seed)
    plan = LayerPlan(block=64)
    return {
        name: [
            Form(plan, int(size), float(draw.uniform(0.5, 2) * 4.0 ** -(size / scale)))
            for size in (scale * np.array([4, 4.5, 6, 8])).astype(int)
        ]
        for name, scale in (("a", 10), ("b", 17), ("c", 40), ("d", 6))
    }


@pytest.mark.parametrize("seed", range(6))
def test_what_is_chosen_fits_and_is_hardly_noisier_than_the_best(seed):
    layers = forms(seed)
    for budget in (310, 380, 450, 584):
        chosen = allocate(layers, budget)
        assert chosen is not None and sum(form.size for form in chosen.values()) <= budget
        fitting = [each for each in product(*layers.values()) if sum(form.size for form in each) <= budget]
        least = min(sum(form.noise for form in each) for each in fitting)
        assert sum(form.noise for form in chosen.values()) <= 2 * least


def test_nothing_is_chosen_where_the_smallest_is_too_large():
    layers = forms(0)
    smallest = sum(min(form.size for form in each) for each in layers.values())
    assert allocate(layers, smallest - 1) is None
    assert allocate(layers, smallest) is not None


def test_the_sizes_by_default_can_be_had_of_every_layer():
    assert set(NOMINAL) == {"w4", "w6"}
