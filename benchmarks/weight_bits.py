"""Weights of few bits: ways of rounding at equal bytes, on pictures that nothing was chosen by.

    python benchmarks/weight_bits.py [LIBRARY:ARCHITECTURE ...]

From random weights, at the model's own size: ncnn's fp32 pair, calibrated on 48 crops of calib/natural. In
blocks of one size, with 4 and with 6 bits: the ways of ncnn's own weight-only tool by its documentation, with
scales by absmax and by least error of the weights, and AWQ's input scales; then w4 and w6 as they are built
without a size, and w6 at the size of the bar. What has no blocks is stored as in w8 in all of them. Prints
bytes over fp32's and SQNR to ncnn's fp32 in dB on 16 crops of calib/heldout, computed in float32 with the
weights that the file stands for. Exits with status 1 if a model of the bar misses it: at most .22 at 28 dB.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.array_types import Arrays, Doubles
from zoo.calibration.attention import projection_name
from zoo.calibration.collect import collect_parallel
from zoo.config.model_spec import ModelSpec
from zoo.images.decode import load
from zoo.images.sets import ImageSet, Sample, samples
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.attention import query_dim
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph, write_files
from zoo.ncnn.group_wise import QUANTIZE_TERM, block_size
from zoo.ncnn.layer import Layer
from zoo.ncnn.pair import Pair
from zoo.ncnn.param_ids import Gemm, MultiHeadAttention
from zoo.quantize.blocks import block_bytes, matrices
from zoo.quantize.few_bits import in_blocks
from zoo.quantize.forms.columns import as_columns
from zoo.quantize.forms.rows import as_rows
from zoo.quantize.weight_only import others_as_w8, stored_bytes
from zoo.runners.inference import stacked
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.few_bits import NOMINAL, Choices, layers_for_blocks
from zoo.search.subject import Subject
from zoo.sweep.examine import pictures
from zoo.sweep.row import Row
from zoo.sweep.subject import Subject as Examined

BAR = ("timm:vit_tiny_patch16_224", "open_clip:ViT-S-32-alt")
MUST_DB, SIZE = 28.0, 0.20
CLIPS = np.linspace(1, 0.5, 26)
ALPHAS = np.linspace(0, 1, 11)


@dataclass(frozen=True)
class Model:
    """What is measured: a model, the inputs of its probes, and those that it is judged on, with the answers.
    as_w8: what layers without blocks have."""

    subject: Subject
    probes: list[Arrays]
    judged: list[Arrays]
    answers: Arrays
    as_w8: Graph
    folder: Path

    @classmethod
    def of(cls, name: str, folder: Path) -> "Model":
        library, _, architecture = name.rpartition(":")
        entry = {library or "timm": architecture, "weights": {"random": 0}}
        spec = ModelSpec.from_config("model", entry)
        examined = Examined.of(spec, pictures(PROJECT), folder)
        examined.fp32(Row(library, name, name))
        fp32, feed = Pair.load(folder / "fp32.param", folder / "fp32.bin"), examined.card.feed
        statistics = collect_parallel(fp32, crops("natural", 48), feed, 1)
        judged, probes = (
            [inputs for _, inputs in load(each, feed, 1)]
            for each in (crops("heldout", 16), crops("natural", 56)[48:])
        )
        answers = answered(fp32.graph, judged, folder)
        as_w8 = others_as_w8(fp32.graph, statistics, layers_for_blocks(fp32.graph, statistics))
        return cls(Subject(architecture, "cpu", fp32, statistics), probes, judged, answers, as_w8, folder)

    def show(self, what: str, made: Graph, stored: int) -> float:
        """Print and return the SQNR of a graph in dB. stored: the bytes of its file."""
        answers = answered(made, self.judged, self.folder)
        decibels = min(sqnr_db(one, other) for one, other in zip(self.answers, answers, strict=True))
        share = stored / stored_bytes(self.subject.fp32.graph)
        print(f"  {what:44s} {share:.3f} of the bytes, {decibels:5.1f} dB", flush=True)
        return decibels


def crops(name: str, count: int) -> list[Sample]:
    path = PROJECT / "calib" / name
    return samples(
        ImageSet.from_dict({"name": name, "path": path, "images": count, "crops": {"smallest": 0.7}})
    )


def answered(graph: Graph, inputs: Sequence[Arrays], folder: Path) -> Arrays:
    files = folder / "run.param", folder / "run.bin"
    write_files(graph, *files)
    runner = NcnnRunner(*files, "cpu", 1, precision="fp32")
    return stacked([runner.run(each) for each in inputs])


def expanded(graph: Graph) -> Graph:
    """The graph with float32 in the place of weights in blocks; those of 8 bits lose their rounded inputs."""
    return Graph(tuple(_floats(layer) if block_size(layer) else layer for layer in graph.layers))


def _floats(layer: Layer) -> Layer:
    size, weights = block_size(layer), dict(layer.weights)
    for role in [role for role in weights if role.endswith("_scales") and "input" not in role]:
        stem = role.removesuffix("_scales")
        own = stem if stem == "B" else f"{stem}_weight"
        by = weights.pop(f"{stem}_input_scales", None)
        levels, scales = weights[own].values, weights.pop(role).values
        outputs = layer.param(Gemm.CONSTANT_N)
        if layer.type != "Gemm":
            outputs = query_dim(layer) if stem == "out" else layer.param(MultiHeadAttention.EMBED_DIM)
        width = levels.size // outputs
        steps = np.repeat(1 / scales.astype(np.float64).reshape(outputs, -1), size, axis=1)
        rows = levels.reshape(-1, width) * steps[:, :width] * (1 if by is None else by.values)
        weights[own] = array(rows.astype(np.float32), Storage.FP32)
    params = {key: value for key, value in layer.params.items() if key != QUANTIZE_TERM}
    return replace(layer, params=params, weights=weights)


Round = Callable[[Doubles, int, int], Doubles]


def by_absmax(rows: Doubles, bits: int, size: int) -> Doubles:
    """Weights in blocks as the tool's method=minmax has them, dequantized."""
    return _rounded(rows, bits, size, np.ones(1))


def by_error(rows: Doubles, bits: int, size: int) -> Doubles:
    """The same for method=mseclip: of clipped ranges each block has that of least squared error."""
    return _rounded(rows, bits, size, CLIPS)


def _rounded(rows: Doubles, bits: int, size: int, clips: Doubles) -> Doubles:
    blocks, largest = in_blocks(rows, size), (1 << (bits - 1)) - 1
    best, found = np.full(blocks.shape[:2], np.inf), blocks
    for clip in clips:
        steps = np.maximum(np.abs(blocks).max(axis=2, keepdims=True) * clip / largest, 1e-30)
        tried = np.clip(np.rint(blocks / steps), -largest, largest) * steps
        error = np.sum((tried - blocks) ** 2, axis=2)
        found = np.where((error < best)[..., None], tried, found)
        best = np.minimum(error, best)
    return found.reshape(len(rows), -1)[:, : rows.shape[1]]


def by_awq(rows: Doubles, columns: Doubles, bits: int, size: int) -> Doubles:
    """AWQ: inputs divided, and weights multiplied, by a power of the inputs' mean magnitude, that of least
    error of the layer's output. Source: Lin et al., "AWQ: Activation-aware Weight Quantization", 2024."""
    magnitude = np.maximum(np.abs(columns).mean(axis=0), 1e-8)
    best, found = np.inf, rows
    for alpha in ALPHAS:
        scales = magnitude**alpha
        scales = scales / np.sqrt(scales.max() * scales.min())
        tried = by_error(rows * scales, bits, size) / scales
        error = float(np.sum((columns @ (tried - rows).T) ** 2))
        if error < best:
            best, found = error, tried
    return found


def of_tool(model: Model, method: str, bits: int, size: int) -> tuple[Graph, int]:
    """The model with the weights of all layers that can have blocks by one of the tool's methods, in float32,
    and the bytes of its file."""
    subject = model.subject
    graph, statistics = subject.fp32.graph, subject.statistics
    layers = layers_for_blocks(graph, statistics)
    other = model.as_w8
    stored = stored_bytes(other)
    gemms = [layer.name for layer in layers.values() if layer.type == "Convolution"]
    made = as_columns(as_rows(graph, gemms), gemms)
    floats = []
    for layer in made.layers:
        if layer.name not in layers:
            own = other[layer.name].weights if layer.name in other else layer.weights
            floats.append(replace(layer, weights=own))
            continue
        weights = dict(layer.weights)
        for stem, rows in matrices(layer).items():
            name = projection_name(layer.name) if stem == "out" else layer.name
            role = stem if stem == "B" else f"{stem}_weight"
            exact = rows.astype(np.float64)
            if method == "awq" and name in statistics.columns:
                found = by_awq(exact, statistics.columns[name].sample.astype(np.float64), bits, size)
            else:
                found = (by_absmax if method == "minmax" else by_error)(exact, bits, size)
            weights[role] = array(found.astype(np.float32), Storage.FP32)
        kept = other[layer.name].weights
        stored += block_bytes(layer, size, method == "awq", bits)
        stored -= sum(
            len(kept[role].tobytes()) for role in kept if role == "weight" or role in _matrices(layer)
        )
        biases = (kept[role] for role in ("C", "bias") if role in kept)  # these are fp16 there, with a tag
        stored -= sum(len(each.tobytes()) - 4 - 2 * each.values.size for each in biases)
        floats.append(replace(layer, weights=weights))
    return Graph(tuple(floats)), stored


def _matrices(layer: Layer) -> list[str]:
    return ["B"] if layer.type == "Gemm" else [f"{stem}_weight" for stem in matrices(layer)]


def measured(name: str, folder: Path) -> bool:
    """Whether the model, if it is one of the bar, meets it."""
    model = Model.of(name, folder)
    print(f"{name}, {stored_bytes(model.subject.fp32.graph) / 1e6:.1f} MB in fp32", flush=True)
    for bits, size in NOMINAL.values():
        for method in ("minmax", "mseclip", "awq"):
            model.show(f"{bits} bits in blocks of {size}, {method}", *of_tool(model, method, bits, size))
    choices = Choices.of(model.subject, model.probes, 1, folder / "made.bin")
    found = 0.0
    for precision, max_size in (("w4", None), ("w6", None), ("w6", SIZE)):
        made = choices.graph(choices.recipe(precision, max_size))
        what = precision if max_size is None else f"{precision}: {{max_size: {max_size}}}"
        found = model.show(what, expanded(made), stored_bytes(made))
    return name not in BAR or found >= MUST_DB


def main() -> int:
    met = []
    for name in sys.argv[1:] or BAR:
        with tempfile.TemporaryDirectory() as folder:
            met.append(measured(name, Path(folder)))
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
