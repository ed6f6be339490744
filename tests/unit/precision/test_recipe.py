"""Recipes on devices that compute in float16: an emulated processor, and a software GPU."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samples.artifacts import FEED, artifact, pair, photos
from samples.ncnn import small_network
from zoo.config.records.fp16_recipe import OVERFLOW, READS, Fp16Recipe
from zoo.config.targets import Target
from zoo.ncnn.bin import array
from zoo.ncnn.graph import Graph, read_graph
from zoo.ncnn.pair import Pair
from zoo.precision.planner import Wanted
from zoo.precision.recipe import make_recipe


def scaled(graph: Graph, **factors: float) -> Graph:
    """The graph with all weights of layers times a number."""
    return graph.replace(
        *(
            replace(
                graph[name],
                weights={
                    role: array(each.values * np.float32(factor), each.storage)
                    for role, each in graph[name].weights.items()
                },
            )
            for name, factor in factors.items()
        )
    )


OVERFLOWING = scaled(small_network(), conv=2e4, dw=1e-2, fc=1e-3)
"""Its convolution, and the sum that it goes into, exceed what float16 holds; its outputs are small."""


def made(graph: Graph, folder: Path, device: str, target: Target | None = None) -> Fp16Recipe:
    file = artifact(folder / "fp16.param", folder / "fp16.bin", device=device, name="fp16", precision="fp16")
    pairs = Pair.load(*pair(graph, folder))
    return make_recipe(replace(file, target=target), pairs, photos(folder, 4), FEED, Wanted(None, 36), 2)


def check_cured(recipe: Fp16Recipe) -> None:
    reasons = {each.layer: each.reason for each in recipe.layers}
    assert reasons["conv"] == reasons["add"] == OVERFLOW
    assert reasons["dw"] == reasons["fc"] == READS
    assert recipe.before_db is None and recipe.after_db is not None and recipe.after_db > 60
    assert next(each.peak or 0 for each in recipe.layers if each.layer == "conv") > 100_000


@pytest.mark.long(40, group="agent")
def test_what_overflows_on_a_processor_with_float16_arithmetic_is_masked(arm_agent, tmp_path):
    recipe = made(OVERFLOWING, tmp_path, "a76", Target("a76", "cortex-a76", 2, str(arm_agent)))
    check_cured(recipe)
    assert (recipe.images, recipe.probes) == (2, 4) and "asimdhp" in (recipe.runtime.features or ())


@pytest.mark.long(40, group="agent")
def test_a_processor_without_it_needs_no_masks(arm_agent, tmp_path):
    recipe = made(OVERFLOWING, tmp_path, "a53", Target("a53", "cortex-a53", 2, str(arm_agent)))
    assert recipe.layers == () and recipe.share == 0
    assert recipe.before_db == recipe.after_db is not None


@pytest.mark.usefixtures("vulkan")
def test_what_overflows_on_a_gpu_is_masked(tmp_path):
    check_cured(made(OVERFLOWING, tmp_path, "gpu"))


def test_this_machine_needs_none_and_nothing_is_left_beside_the_file(tmp_path):
    recipe = made(OVERFLOWING, tmp_path, "cpu")
    assert recipe.layers == () and recipe.before_db == recipe.after_db
    assert not list(tmp_path.glob("fp16.*")) and not list(tmp_path.glob(".partial-*"))
    read_graph(*pair(OVERFLOWING, tmp_path))
