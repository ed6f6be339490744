"""An int8 model from an fp32 one, its calibration statistics and a recipe."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles, Floats
from zoo.calibration.attention import projection_name
from zoo.calibration.bounds import Bound, bound
from zoo.calibration.layer_input import LayerInput
from zoo.calibration.observers import threshold
from zoo.calibration.statistics import CalibrationStatistics
from zoo.errors import ZooError
from zoo.ncnn.fp16 import to_fp16
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.weights import LEVELS, MAX_SCALE, QUANTIZABLE, layers_with_weights, weight_count
from zoo.quantize.bias_correction import correct_bias
from zoo.quantize.blocks import block_layer, can_have_blocks
from zoo.quantize.centring import centre, takes_back
from zoo.quantize.channel_scales import insert_quantize
from zoo.quantize.forms.columns import as_columns, can_be_columns, merge_transpositions
from zoo.quantize.forms.gelu import tanh_gelu
from zoo.quantize.forms.linear import as_convolutions, is_linear
from zoo.quantize.forms.rows import as_rows, convolutions_on_rows
from zoo.quantize.forms.vectors import as_row, reads_vector
from zoo.quantize.gptq import round_weights
from zoo.quantize.local_error import clips, weight_steps
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.quantize.scales import absmax_scales, int8_layer, quantize, round_to_int8, weight_rows
from zoo.quantize.smoothing import smooth
from zoo.quantize.table import CalibrationTable


def apply(graph: Graph, statistics: CalibrationStatistics, recipe: Recipe) -> Graph:
    """The model as the recipe has it; stock ncnn loads it, on CPU and on Vulkan.

    graph: fp32, with unique layer names. Raises ZooError if the recipe or the statistics are of another
    model, or a layer cannot be what its plan says.
    """
    statistics.check(graph)
    check_recipe(recipe, graph, statistics)
    quantized = quantized_graph(graph, statistics, recipe)
    return to_fp16(
        tanh_gelu(quantized) if recipe.gelu == "tanh" else quantized, recipe.with_precision("fp16")
    )


def quantized_graph(graph: Graph, statistics: CalibrationStatistics, recipe: Recipe) -> Graph:
    """The graph with the int8 layers of the recipe, the others as they are."""
    if recipe.table is not None:
        return quantize(graph, recipe.table)
    plans = {name: recipe.layers[name] for name in recipe.with_precision("int8")}
    # inputs are looked up in the one, as the statistics saw them, and rewritten in the other
    original = with_convolutions(graph, statistics, recipe)
    gemms = [name for name, plan in plans.items() if plan.block and graph[name].type == "Convolution"]
    edited = as_columns(as_rows(original, gemms), gemms)
    heads = [name for name, plan in plans.items() if plan.block and reads_vector(graph[name], statistics)]
    edited = as_row(edited, heads)
    for name, plan in plans.items():
        if plan.shift:
            edited = centre(edited, name, plan.shift)
    channel_scales = {}
    for name, plan in plans.items():
        source = layer_input(original, statistics, name, plan)
        if plan.block is not None:
            gptq = plan.rounding == "gptq"
            edited = edited.replace(
                block_layer(
                    edited[name],
                    plan.block,
                    source,
                    plan.alpha,
                    gptq,
                    plan.bits,
                    statistics.moments(projection_name(name)),
                )
            )
            continue
        clip = thresholds(original, statistics, name, plan)
        if plan.alpha is not None and plan.through == "norm":
            factors = clip / clip.max()
            edited = smooth(edited, name, factors)
            source, clip = source.divided(factors), np.full_like(clip, clip.max())
        elif plan.alpha is not None:
            channel_scales[name] = (LEVELS / clip).astype(np.float32)
        edited = edited.replace(quantize_layer(edited[name], plan, source, clip))
    turning = [name for name in gemms if plans[name].bits == 8]  # ncnn's Gemm of few bits cannot
    return insert_quantize(merge_transpositions(edited, turning), channel_scales)


def with_convolutions(graph: Graph, statistics: CalibrationStatistics, recipe: Recipe) -> Graph:
    """The graph, still float, in which linear layers that are to be int8, not in blocks, are convolutions."""
    int8 = [graph[name] for name in recipe.with_precision("int8") if recipe.layers[name].block is None]
    return as_convolutions(
        graph, [layer.name for layer in int8 if is_linear(layer) and statistics.on_rows(layer)]
    )


def check_recipe(recipe: Recipe, graph: Graph, statistics: CalibrationStatistics | None = None) -> None:
    """Raise ZooError, with every problem, unless the recipe is one for this model.

    statistics: those of the model tell which layers read rows (see `CalibrationStatistics.on_rows`).
    """
    names = [layer.name for layer in layers_with_weights(graph)]
    blocks = {name for name, plan in recipe.layers.items() if plan.block is not None}
    rows = convolutions_on_rows(graph) if blocks else {}
    problems = [
        f"it does not say what becomes of {graph[name]}" for name in names if name not in recipe.layers
    ]
    for name, plan in recipe.layers.items():
        if name not in names:
            problems.append(f"the model has no weights of a layer {name}")
        elif plan.precision == "int8":
            on_rows = statistics is None or statistics.on_rows(graph[name])
            beside = blocks.intersection(rows[name].convolutions) if name in rows else set()
            if name in rows and beside and plan.block is None:
                problems.append(
                    f"{graph[name]} is on rows with {', '.join(sorted(beside))}: in blocks or float"
                )
            elif name not in rows or plan.block is None:
                problems += _problems(graph[name], plan, on_rows)
    if problems:
        raise ZooError(f"the recipe {recipe.name} is not for this model: " + "; ".join(problems))


def check_device(recipe: Recipe, device: str) -> None:
    """Raise ZooError if a recipe for `gpu` has weights in blocks: Vulkan has no such layers."""
    blocks = [name for name, plan in recipe.layers.items() if plan.block is not None]
    if device == "gpu" and blocks:
        raise ZooError(
            f"the recipe {recipe.name} is not for a gpu: layers with weights in blocks ({', '.join(blocks)}) "
            "would run on the CPU; leave `block` out"
        )


def _problems(layer: Layer, plan: LayerPlan, on_rows: bool) -> list[str]:
    """Why a layer cannot be int8 as planned."""
    linear = is_linear(layer) and on_rows
    if plan.block is not None:
        if can_have_blocks(layer) or can_be_columns(layer):
            return []
        can = "linear layers, self-attention and convolutions whose windows tile the image"
        return [f"{layer} cannot have weights in blocks, only {can} can"]
    if not linear and (layer.type not in QUANTIZABLE or "weight" not in layer.weights):
        kinds = ", ".join(QUANTIZABLE)
        return [f"{layer} cannot be int8, only {kinds} with stored weights and linear layers on rows can"]
    if plan.alpha is not None and plan.through == "quantize" and not (linear or layer.type == "Convolution"):
        return [f"{layer} cannot have a Quantize layer for channels, only a Convolution can"]
    if plan.shift and not (linear or takes_back(layer)):
        return [f"{layer} cannot have its input shifted, only layers that do not pad can"]
    return []


def layer_input(graph: Graph, statistics: CalibrationStatistics, name: str, plan: LayerPlan) -> LayerInput:
    """The input of a layer as its plan lets it come."""
    source = LayerInput.of(statistics, name, input_bound(graph, name))
    return source.shifted(plan.shift) if plan.shift else source


def input_bound(graph: Graph, name: str) -> Bound:
    """What the layer's input can be at all."""
    return bound(graph, graph[name].inputs[0])


def thresholds(graph: Graph, statistics: CalibrationStatistics, name: str, plan: LayerPlan) -> Doubles:
    """The clipping thresholds of a layer's input by channel, (channels,); all the same without `alpha`."""
    if plan.observer != "absmax":
        observed, limit = statistics.inputs[name], input_bound(graph, name)
        clip = threshold(plan.observer, observed, limit, plan.margin, plan.percent)
        # as in `clips`: an input too small for a scale in float32 gets the step 1
        return np.full(observed.absmax.size, clip if clip >= LEVELS / MAX_SCALE else float(LEVELS))
    source = layer_input(graph, statistics, name, plan)
    return clips(source.absmax, plan.alpha or 0.0, plan.margin, source.bound.absmax)


def quantize_layer(layer: Layer, plan: LayerPlan, source: LayerInput, clip: Doubles) -> Layer:
    """A float layer as int8, for an input clipped at `clip`, (channels,). See `channel_scales`.

    Where the thresholds differ, the weight scales and the activation scale (that of the largest threshold)
    divide out to the output; the Quantize layer is the caller's.
    """
    rows = weight_rows(layer).astype(np.float64)
    step = source.spread(clip) / LEVELS
    levels, row_steps = rounded_weights(rows, step, source, plan.rounding)
    if plan.bias_correction:
        layer = correct_bias(layer, rows, levels * row_steps[:, None], step, source)
    largest = float(clip.max()) / LEVELS
    return int8_layer(layer, levels, (largest / row_steps).astype(np.float32), 1 / largest)


def rounded_weights(
    rows: Doubles, step: Doubles, source: LayerInput, rounding: str
) -> tuple[NDArray[np.int8], Doubles]:
    """Weights in int8 steps (outputs, width), for an input in steps, and the size of a row's step (outputs,).

    GPTQ where the statistics hold the covariance of the input; it is too large for very wide layers.
    """
    row_steps = weight_steps(rows, step)
    exact = rows * step / row_steps[:, None]
    if rounding == "gptq" and source.covariance is not None:
        # rounding the input adds a variance of 1/12 steps
        covariance = source.covariance / np.outer(step, step) + np.eye(len(step)) / 12
        return round_weights(exact, covariance), row_steps
    return round_to_int8(exact.astype(np.float32), np.ones(len(rows), np.float32)), row_steps


def left_float(graph: Graph, recipe: Recipe) -> str:
    """The layers with weights that the recipe does not make int8, as a phrase; empty if there are none."""
    phrases = []
    for precision in ("fp16", "fp32"):
        if layers := [graph[name] for name in recipe.with_precision(precision)]:
            share = weight_share(graph, recipe, precision)
            names = ", ".join(f"{layer.name} ({layer.type})" for layer in layers)
            phrases.append(f"{len(layers)} layers with {share:.1%} of the weights stay {precision}: {names}")
    return "; ".join(phrases)


def weight_share(graph: Graph, recipe: Recipe, precision: str) -> float:
    """The share, 0 to 1, of the weights that a recipe decides on that it gives this precision."""
    sizes = {layer.name: weight_count(layer) for layer in layers_with_weights(graph)}
    return sum(sizes[name] for name in recipe.with_precision(precision)) / max(sum(sizes.values()), 1)


def table_of(graph: Graph, statistics: CalibrationStatistics, recipe: Recipe) -> CalibrationTable:
    """The recipe as a table for the official tools: one scale an input, and scales of the plain weights.

    Thresholds by channel become the largest of them; shifts, GPTQ and bias correction do not show.
    """
    if recipe.table is not None:
        return recipe.table
    weights: dict[str, Floats] = {}
    activations = {}
    for name in recipe.with_precision("int8"):
        if graph[name].type not in QUANTIZABLE:
            continue  # a table cannot hold it
        clip = thresholds(graph, statistics, name, replace(recipe.layers[name], shift=0.0))
        weights[name] = absmax_scales(weight_rows(graph[name]))
        activations[name] = float(np.float32(LEVELS / clip.max()))
    return CalibrationTable(weights, activations)
