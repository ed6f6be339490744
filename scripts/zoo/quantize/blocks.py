"""Group-wise weights in linear layers and attention: a scale for every row and block of its inputs.

1x1 convolutions can be linear layers, where they can compute on rows (see `zoo.quantize.forms.rows`).
ncnn's Gemm and MultiHeadAttention read such weights. With 8 bits they quantize their input dynamically, every
row and block by its own absmax; the products are int8. With 4 and 6 bits (see `zoo.quantize.few_bits`) the
input stays float. No range is calibrated, so none is exceeded. The input may have scales by channel before
that, which the weights take back: SmoothQuant at no cost. Vulkan has no such layer: a Vulkan model runs them
on the CPU, so they are no form for a GPU. ncnn before 20261020 does not know the format and fails to load it.
Format: `zoo.ncnn.group_wise`. Times: docs/int8.md, "Linear layers on tokens".
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles, Floats
from zoo.calibration.layer_input import LayerInput
from zoo.ncnn.attention import is_self_attention, query_dim
from zoo.ncnn.bin import Array, Storage, array, packed_bytes
from zoo.ncnn.group_wise import QUANTIZE_TERM, quantize_term
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import MultiHeadAttention
from zoo.ncnn.weights import LEVELS
from zoo.quantize.few_bits import in_blocks, round_few_bits, rounding_error
from zoo.quantize.forms.linear import is_linear, linear_rows, to_gemm
from zoo.quantize.gptq import remaining_variance, round_weights
from zoo.quantize.local_error import LocalError, clips
from zoo.quantize.scales import absmax_scales, weight_rows

_PROJECTIONS = ("q", "k", "v", "out")
_STORED = {8: Storage.RAW_INT8, 6: Storage.RAW_INT6, 4: Storage.RAW_INT4}


def can_have_blocks(layer: Layer) -> bool:
    """Whether a float layer can have its weights in blocks; an InnerProduct can on rows, see
    `zoo.quantize.forms.vectors` for one that reads a vector."""
    return is_linear(layer) or (is_self_attention(layer) and not layer.param(QUANTIZE_TERM))


def matrices(layer: Layer) -> dict[str, Floats]:
    """The weight matrices of a layer of `can_have_blocks` by the stem of their roles, (outputs, inputs).

    Those of a 1x1 convolution are the ones that it has as a Gemm.
    """
    if layer.type == "Convolution":
        return {"B": weight_rows(layer)}
    if layer.type != "MultiHeadAttention":
        return {"B": linear_rows(layer)}
    inner, outer = layer.param(MultiHeadAttention.EMBED_DIM), query_dim(layer)
    widths = {"q": outer, "k": outer, "v": outer, "out": inner}
    return {stem: layer.weights[f"{stem}_weight"].floats().reshape(-1, widths[stem]) for stem in _PROJECTIONS}


def input_rows(layer: Layer) -> Floats:
    """The rows of all matrices that the layer's input is multiplied with, (outputs, inputs)."""
    return np.concatenate([rows for stem, rows in matrices(layer).items() if stem != "out"])


def block_layer(
    layer: Layer,
    size: int,
    source: LayerInput,
    alpha: float | None,
    gptq: bool,
    bits: int = 8,
    projected: Doubles | None = None,
) -> Layer:
    """A float layer with its weights in blocks of `size`, `bits` a weight; linear layers become Gemm.

    source: its input. alpha: see `smoothing_factors`; None for an input without scales. gptq: whether
    weights are rounded by GPTQ. projected: E x x^T of what the last projection of attention reads; None to
    round that to nearest.
    """
    layer = layer if layer.type == "MultiHeadAttention" else to_gemm(layer)
    scaled = alpha is not None
    by = smoothing_factors(source, alpha) if alpha is not None else np.ones(source.absmax.size)
    weights: dict[str, Array] = dict(layer.weights)
    for stem, rows in matrices(layer).items():
        reads_source = stem != "out"  # that one reads what the layer makes of it
        factors = source.spread(by) if reads_source else np.ones(rows.shape[1])
        moments = _moments(source.divided(by)) if reads_source else projected
        moments = moments if gptq else None
        scaled_rows = rows.astype(np.float64) * factors
        if bits == 8:
            levels, scales = round_blocks(scaled_rows, size, moments)
        else:
            levels, scales = round_few_bits(scaled_rows, size, bits, moments)
        weights[stem if stem == "B" else f"{stem}_weight"] = array(levels, _STORED[bits])
        weights[f"{stem}_scales"] = array(scales, Storage.RAW)
        if scaled:
            weights[f"{stem}_input_scales"] = array(1 / factors, Storage.RAW)
    term = quantize_term(size, scaled, bits)
    return replace(layer, params={**layer.params, QUANTIZE_TERM: term}, weights=weights)


def block_bytes(layer: Layer, size: int, scaled: bool, bits: int) -> int:
    """How many bytes a layer's matrices take in blocks, with their scales. scaled: those of its input too."""
    return sum(
        outputs * packed_bytes(inputs, bits) + 4 * outputs * -(-inputs // size) + 4 * inputs * scaled
        for outputs, inputs in (rows.shape for rows in matrices(layer).values())
    )


def smoothing_factors(source: LayerInput, alpha: float) -> Doubles:
    """What each channel of the input is divided by, (channels,): `local_error.clips`, the largest one 1."""
    clip = clips(source.absmax, alpha)
    factors: Doubles = clip / clip.max()
    return factors


def round_blocks(rows: Doubles, size: int, moments: Doubles | None) -> tuple[NDArray[np.int8], Floats]:
    """Weights in int8 steps, (outputs, inputs), and the scale of each block, float32 (outputs, blocks).

    moments: E x x^T of the input, (inputs, inputs), for GPTQ; None to round to nearest.
    """
    scales = absmax_scales(in_blocks(rows, size).reshape(-1, size)).reshape(len(rows), -1)
    steps = 1 / np.repeat(scales.astype(np.float64), size, axis=1)[:, : rows.shape[1]]
    if moments is not None:
        return round_weights(rows, moments, steps=steps), scales
    return np.clip(np.rint(rows / steps), -LEVELS, LEVELS).astype(np.int8), scales


def round_input_blocks(columns: NDArray[np.floating], size: int) -> Doubles:
    """Columns (n, width) as ncnn quantizes them, each block of a column by its own absmax; dequantized."""
    parts = in_blocks(np.asarray(columns, np.float64), size)
    steps = np.abs(parts).max(axis=2, keepdims=True) / LEVELS
    rounded = np.rint(parts / np.where(steps > 0, steps, 1)) * steps
    rows: Doubles = rounded.reshape(len(columns), -1)[:, : columns.shape[1]]
    return rows


class BlockError(LocalError):
    """What weights in blocks would cost; see `LocalError`. block: the size of one; bits: of a weight."""

    def __init__(
        self, source: LayerInput, rows: NDArray[np.floating], gptq: bool, block: int, bits: int = 8
    ) -> None:
        super().__init__(source, rows, gptq)
        self.gptq, self.block, self.bits = gptq, block, bits

    def predicted(self, alpha: float, margin: float = 1.0) -> float:
        """The expected error with input scales of that alpha, as a share of the signal; no margin plays."""
        by = smoothing_factors(self.source, alpha)
        wide = self.source.spread(by)
        if self.bits < 8:
            left = self._variances_of(self.source.divided(by))
            error = rounding_error(self.rows * wide, self.block, self.bits, left)
            return error / self.signal if self.signal > 0 else 0.0
        sample = self.source.sample / wide
        difference = sample - round_input_blocks(sample, self.block)
        activations = (self._norms * wide**2) @ np.mean(difference**2, axis=0)
        largest = np.abs(in_blocks(self.rows * wide, self.block)).max(axis=2)
        rounding = np.sum((largest / LEVELS) ** 2, axis=0) / 12
        weights = np.repeat(rounding, self.block)[: wide.size] @ self._variances_of(self.source.divided(by))
        return float(activations + weights) / self.signal if self.signal > 0 else 0.0

    def _variances_of(self, source: LayerInput) -> Doubles:
        """What is left of each input's variance after rounding, which is by the moments that it has then."""
        moments = _moments(source)
        if moments is None:
            return np.asarray(np.mean(source.sample.astype(np.float64) ** 2, axis=0))
        return remaining_variance(moments) if self.gptq else np.diag(moments)


def _moments(source: LayerInput) -> Doubles | None:
    """E x x^T; with the mean in it, for no bias takes back what is lost of it."""
    return None if source.covariance is None else source.covariance + np.outer(source.mean, source.mean)
