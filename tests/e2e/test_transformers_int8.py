"""Transformers of timm in int8, end to end: nothing that holds weights is left float without being named."""

from pathlib import Path

import numpy as np
import pytest
import torch

from samples.models import random_model
from zoo.calibration.collect import collect
from zoo.export import pnnx
from zoo.export.rewrites import rewrite
from zoo.export.torchscript import export_torchscript
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import read_graph, unique_names, write_graph
from zoo.quantize.apply import apply, left_float, weight_share
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.planning import local_recipe

pytestmark = pytest.mark.long(45)

SMALL = {"img_size": 64, "depth": 3, "embed_dim": 96, "num_heads": 3, "num_classes": 10}

# architecture, arguments, which of its layers with weights can be int8 on Vulkan
MODELS = {
    "vit": ("vit_tiny_patch16_224", SMALL, 0.75),  # Gemm and MultiHeadAttention
    "vit_qk_norm": ("vit_tiny_patch16_224", SMALL | {"qk_norm": True}, 1.0),  # Gemm alone, and MatMul
    "deit": ("deit_tiny_distilled_patch16_224", SMALL, 0.75),
    "mobilevit": ("mobilevit_xxs", {"num_classes": 10}, 0.80),  # InnerProduct on rows
}


def runner(folder: Path, name: str, device: str = "cpu") -> NcnnRunner:
    return NcnnRunner(folder / f"{name}.param", folder / f"{name}.bin", device, 1, precision="fp32")


def pictures(side: int, count: int, seed: int) -> list[tuple[str, tuple[np.ndarray]]]:
    """Smooth random images: coarse noise, enlarged, and a little fine noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 3, 8, 8, generator=generator)
    images = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic")
    images += 0.2 * torch.randn(images.shape, generator=generator)
    return [(f"{seed}/{index}", (image.numpy(),)) for index, image in enumerate(images)]


@pytest.fixture(scope="module", params=MODELS)
def case(request, tmp_path_factory):
    """Folder with the fp32 pair, its calibration statistics, side of the images, share on Vulkan."""
    architecture, arguments, share = MODELS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    model, image = random_model(architecture, **arguments)
    rewrite(model, image)
    export_torchscript(model, image, folder / "torchscript.pt")
    pair = folder / "fp32.param", folder / "fp32.bin"
    pnnx.run_pnnx(folder / "torchscript.pt", [image.shape], *pair)
    write_graph(unique_names(read_graph(*pair)), *pair)
    graph, side = load_checked(*pair), image.shape[-1]
    return folder, graph, collect(graph, runner(folder, "fp32"), pictures(side, 16, 1)), side, share


def distance(case, device: str) -> float:
    folder, graph, statistics, side, _ = case
    quantized = apply(graph, statistics, local_recipe(graph, statistics, device=device))
    write_graph(quantized, folder / "int8.param", folder / "int8.bin")
    images = pictures(side, 4 if device == "cpu" else 2, 2)
    exact, found = (
        np.stack([each.run(image)[0] for _, image in images])
        for each in (runner(folder, "fp32"), runner(folder, "int8", device))
    )
    return sqnr_db(exact, found)


def test_on_a_cpu_all_but_depthwise_is_int8_and_close(case):
    _, graph, statistics, _, _ = case
    recipe = local_recipe(graph, statistics)
    assert weight_share(graph, recipe, "int8") > 0.99
    for name in recipe.with_precision("fp16"):
        assert graph[name].type == "ConvolutionDepthWise"
        assert f"{name} (ConvolutionDepthWise)" in left_float(graph, recipe)
    assert not recipe.with_precision("fp32")
    assert distance(case, "cpu") > 28


def test_on_vulkan_it_is_close_and_what_stays_float_is_named(case, vulkan):
    _, graph, statistics, _, share = case
    recipe = local_recipe(graph, statistics, device="gpu")
    assert weight_share(graph, recipe, "int8") == pytest.approx(share, abs=0.1)
    assert not recipe.with_precision("fp32")
    for name in recipe.with_precision("fp16"):
        assert graph[name].type in ("ConvolutionDepthWise", "MultiHeadAttention")
        assert name in left_float(graph, recipe)
    assert distance(case, "gpu") > 28
