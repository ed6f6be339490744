"""What int8 files are worth: how faithful, how fast, how small and how soon made, beside other ways to them.

    python benchmarks/fidelity.py --reference DIR [--folder DIR]

Builds a zoo of its own in `--folder` (by default one that is removed at the end) with snakemake, as a user
would, and measures its files. What the folder holds already is not built again; then there is no figure for
the time of the build. `--reference` holds what the project does not ship: the weights of a ConvNeXt-atto for
ten classes at 128 px, `convnext_atto_imagenette.safetensors`; photographs in folders by class, stored at
128 px, `imagenette128/calib` and `imagenette128/val`; and 500 stored at 224 px, `imagenet_val_500`.
"""

import argparse
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from operator import ge, le
from pathlib import Path

import numpy as np
import yaml

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.calibration.statistics import CalibrationStatistics
from zoo.config.records.card import ModelCard
from zoo.config.records.evaluation import Accuracy, Evaluation
from zoo.images.decode import load
from zoo.images.inputs import Feed
from zoo.images.sets import ImageSet, samples
from zoo.measure.accuracy import accuracy
from zoo.measure.timing import time_beside
from zoo.ncnn.graph import read_graph, write_graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Convolution, Gemm, Quantizable
from zoo.ncnn.weights import LEVELS, QUANTIZABLE
from zoo.precision.apply import computes_int8
from zoo.quantize.apply import apply
from zoo.quantize.scales import absmax_scales, quantize, weight_rows
from zoo.quantize.table import CalibrationTable
from zoo.runners.artifact import Artifact
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.runners.reference import Reference, outputs
from zoo.search.planning import plain_recipe

SIZE, IMAGES, RUNS = 224, 200, 100
FAITHFUL_MB, FAITHFUL_SPEEDUP = 4.07, 1.25
AUTO = "results/cpu/atto/int8.param"
OTHERS = (
    "results/cpu/faithful/int8.param",
    "results/cpu/atto224/int8.param",
    "results/cpu/atto224/fp32.onnx",
    "results/cpu/lite0/int8.param",
    "results/cpu/lite0_faithful/int8.param",
    "results/cpu/digits/int8.eval.json",
    "results/reference/atto/evaluation.npz",
    "results/reference/faithful/evaluation.npz",
    "results/reference/lite0/evaluation.npz",
    "results/reference/lite0_faithful/evaluation.npz",
)


@dataclass(frozen=True)
class Row:
    """A line of the table: a figure, and what it must be and should be at least (at most if `most`)."""

    what: str
    measured: float
    must: float | None = None
    aim: float | None = None
    most: bool = False

    def __str__(self) -> str:
        line = f"{self.what:<64} {self.measured:8.3f}"
        if self.must is None:
            return line
        reached, sign = (le, "<=") if self.most else (ge, ">=")
        verdict = "ok" if reached(self.measured, self.must) else "MISSED"
        if self.aim is not None:
            verdict = "aim" if reached(self.measured, self.aim) else verdict
        return f"{line}  {sign} {self.must:<7g}{'' if self.aim is None else self.aim:<7}{verdict}"


def configuration(reference: Path) -> dict:
    """The zoo: the reference atto at 128 px and at 224 px, lite0, and the digits of the project's own zoo."""
    own = yaml.safe_load((PROJECT / "config.yaml").read_text())
    atto = {
        "timm": "convnext_atto",
        "args": {"num_classes": 10},
        "weights": {"file": str(reference / "convnext_atto_imagenette.safetensors")},
        "calibration": {"set": "calib", "images": IMAGES},
        "evaluation": {"set": "val"},
    }
    lite0 = own["models"]["tf_efficientnet_lite0"]
    lite0 = lite0 | {"preprocess": {"crop_pct": 1.0}, "evaluation": {"set": "photos"}}
    photos = reference / "imagenette128"
    return own | {
        "devices": ["cpu"],
        "image_sets": own["image_sets"]
        | {
            "calib": {"path": str(photos / "calib")},
            "val": {"path": str(photos / "val"), "labels": True},
            "photos": {"path": str(reference / "imagenet_val_500")},
        },
        "models": {
            "atto": atto | {"preprocess": {"size": [128, 128], "crop_pct": 1.0}},
            "faithful": atto
            | {
                "preprocess": {"size": [128, 128], "crop_pct": 1.0},
                "int8": {
                    "objective": "most_faithful",
                    "target": {"max_mb": FAITHFUL_MB, "min_speedup": FAITHFUL_SPEEDUP},
                },
            },
            "atto224": atto | {"preprocess": {"size": [SIZE, SIZE], "crop_pct": 1.0}},
            "lite0": lite0,
            "lite0_faithful": lite0 | {"int8": {"objective": "most_faithful"}},
            "digits": own["models"]["convnext_digits"],
        },
    }


class Zoo:
    """A zoo in a folder, with the project's rules."""

    def __init__(self, folder: Path, reference: Path) -> None:
        self.folder, self.reference = folder, reference
        for name in ("Snakefile", "rules", "scripts", "calib", "profiles"):
            if not (folder / name).exists():
                (folder / name).symlink_to(PROJECT / name)
        (folder / "config.yaml").write_text(yaml.safe_dump(configuration(reference)))

    def build(self, *targets: str) -> float:
        """Seconds that it takes to build these files."""
        started = time.perf_counter()
        command = [sys.executable, "-m", "snakemake", "-j2", *targets, "--quiet", "all"]
        subprocess.run(command, cwd=self.folder, check=True)
        return time.perf_counter() - started

    def files(self, model: str, artifact: str) -> tuple[Path, Path]:
        base = self.folder / "results/cpu" / model
        return base / f"{artifact}.param", base / f"{artifact}.bin"

    def artifact(self, model: str, name: str) -> Artifact:
        return Artifact(model, "cpu", name, "ncnn", name.split(".")[0], self.files(model, name))

    def feed(self, model: str) -> Feed:
        return ModelCard.read(self.folder / f"results/weights/{model}.json").feed

    def add_plain(self, model: str) -> None:
        """`int8.absmax`: thresholds by absmax and plain rounding, the depthwise convolutions float."""
        graph = read_graph(*self.files(model, "fp32"))
        known = CalibrationStatistics.load(self.folder / f"results/cpu/{model}/calibration.npz")
        write_graph(apply(graph, known, plain_recipe(graph)), *self.files(model, "int8.absmax"))

    def add_all_int8(self, model: str) -> None:
        """`int8.all`: everything that a table of ncnn can make int8."""
        graph = read_graph(*self.files(model, "fp32"))
        known = CalibrationStatistics.load(self.folder / f"results/cpu/{model}/calibration.npz")
        names = [layer.name for layer in graph.of_type(*QUANTIZABLE)]
        scales = {name: LEVELS / known.absmax(name) for name in names}
        table = CalibrationTable({name: absmax_scales(weight_rows(graph[name])) for name in names}, scales)
        write_graph(quantize(graph, table), *self.files(model, "int8.all"))

    def quality(self, model: str, artifact: str, photos: str, labels: bool) -> Accuracy:
        """See `accuracy`; against the untouched model in torch."""
        return self.quality_of(self.artifact(model, artifact), model, photos, labels)

    def quality_of(self, artifact: Artifact, model: str, photos: str, labels: bool) -> Accuracy:
        """The same of files that may lie elsewhere, for a model of the zoo."""
        reference = Reference.load(self.folder / f"results/reference/{model}/evaluation.npz")
        chosen = samples(ImageSet(photos, self.reference / photos, labels=labels))
        found, _ = outputs(artifact, chosen, self.feed(model), reference, threads=1)
        return accuracy(found, reference)

    def multiply_adds(self, model: str, artifact: str) -> dict[str, tuple[Layer, float]]:
        """Each convolution, inner product and Gemm, and the multiply-adds of one run."""
        files = self.files(model, artifact)
        feed, graph = self.feed(model), read_graph(*files)
        layers = {layer.outputs[0]: layer for layer in graph.of_type(*QUANTIZABLE, "Gemm")}
        runner = NcnnRunner(*files, device="cpu", threads=1, precision="fp32")
        blobs = runner.blobs(tuple(np.zeros(shape, np.float32) for shape in feed.shapes), list(layers))
        counts = {}
        for blob, values in blobs:
            layer = layers[blob]
            gemm = layer.type == "Gemm"
            weights = layer.weights["B" if gemm else "weight"].values.size
            outputs = layer.param(Gemm.CONSTANT_N if gemm else Quantizable.NUM_OUTPUT)
            counts[layer.name] = layer, weights * values.size / outputs
        return counts

    def bytes(self, model: str, artifact: str) -> int:
        return sum(file.stat().st_size for file in self.files(model, artifact))


def int8_share(layers: dict[str, tuple[Layer, float]], pointwise: bool = False) -> float:
    """Share of the multiply-adds, of all layers or of the 1x1 convolutions, that is in int8.

    A Gemm is a 1x1 convolution on rows.
    """
    chosen = [(layer, count) for layer, count in layers.values() if not pointwise or is_pointwise(layer)]
    int8 = sum(count for layer, count in chosen if computes_int8(layer))
    return int8 / sum(count for _, count in chosen)


def is_pointwise(layer: Layer) -> bool:
    return layer.type == "Gemm" or (layer.type == "Convolution" and layer.param(Convolution.KERNEL_W) == 1)


def qdq(zoo: Zoo, model: str) -> Artifact:
    """The model as onnxruntime's own tools quantize it, preprocessed, u8 and s8, by channel."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            images = samples(ImageSet("calib", zoo.reference / "imagenette128/calib", images=IMAGES))
            self.inputs = ({"data": image[None]} for _, (image,) in load(images, zoo.feed(model)))

        def get_next(self) -> dict | None:
            return next(self.inputs, None)

    folder = zoo.folder / "results/cpu" / model
    quant_pre_process(str(folder / "fp32.onnx"), str(folder / "prepared.onnx"))
    quantization.quantize_static(
        folder / "prepared.onnx",
        folder / "qdq.onnx",
        Reader(),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    return Artifact(model, "cpu", "qdq", "onnxruntime", "int8", (folder / "qdq.onnx",))


def atto(zoo: Zoo) -> Iterator[Row]:
    photos = "imagenette128/val"
    zoo.add_plain("atto")
    for artifact in ("int8.absmax", "int8"):
        found = zoo.quality("atto", artifact, photos, labels=True)
        limits = [(46, 50), (99.5, 99.8), (0.2, 0)] if artifact == "int8" else [(None, None)] * 3
        yield Row(f"atto {artifact}: SQNR of the logits, dB", found.sqnr_db, *limits[0])
        yield Row(f"atto {artifact}: top-1 agreement, %", 100 * found.agreement, *limits[1])
        yield Row(f"atto {artifact}: top-1 drop, points", found.top1_drop, *limits[2], most=True)
    layers = zoo.multiply_adds("atto", "int8")
    yield Row("atto int8: share of multiply-adds in int8", int8_share(layers))
    yield Row("atto int8: the same of the 1x1 convolutions", int8_share(layers, pointwise=True), 1)
    zoo.add_all_int8("atto")
    size = zoo.bytes("atto", "int8") / zoo.bytes("atto", "int8.all")
    yield Row("atto int8: size over that of all layers in int8", size, 1.05, 1, most=True)


def faithful(zoo: Zoo) -> Iterator[Row]:
    """What `most_faithful` takes within limits on size and time; it is timed at the larger size."""
    found = zoo.quality("faithful", "int8", "imagenette128/val", labels=True)
    yield Row("atto most_faithful: SQNR of the logits, dB", found.sqnr_db, 54, 56)
    yield Row("atto most_faithful: top-1 agreement, %", 100 * found.agreement, 99.8)
    yield Row("atto most_faithful: MB", zoo.bytes("faithful", "int8") / 1e6, FAITHFUL_MB, most=True)
    share = int8_share(zoo.multiply_adds("faithful", "int8"))
    yield Row("atto most_faithful: share of multiply-adds in int8", share, 0.85)
    beside, _ = time_beside(
        zoo.artifact("faithful", "int8"),
        zoo.artifact("atto224", "fp32"),
        [(3, SIZE, SIZE)],
        threads=1,
        runs=RUNS,
    )
    limit = 1 / FAITHFUL_SPEEDUP
    yield Row("atto most_faithful at 224 px: latency over fp32, 1 thread", beside.ratio, limit, most=True)


def atto_latency(zoo: Zoo) -> Iterator[Row]:
    shapes, fp32, own = [(3, SIZE, SIZE)], zoo.artifact("atto224", "fp32"), zoo.artifact("atto224", "int8")
    zoo.add_plain("atto224")
    plain, _ = time_beside(zoo.artifact("atto224", "int8.absmax"), fp32, shapes, threads=1, runs=RUNS)
    yield Row("atto int8.absmax at 224 px: latency over fp32, 1 thread", plain.ratio)
    beside, _ = time_beside(own, fp32, shapes, threads=1, runs=RUNS)
    yield Row("atto fp32 at 224 px, 1 thread, ms", beside.reference.median_ms)
    yield Row("atto int8 at 224 px, 1 thread, ms", beside.median_ms)
    yield Row("atto int8 at 224 px: latency over fp32, 1 thread", beside.ratio, 0.60, 0.50, most=True)
    apart, _ = time_beside(own, qdq(zoo, "atto224"), shapes, threads=1, runs=RUNS)
    yield Row("atto onnxruntime QDQ at 224 px, 1 thread, ms", apart.reference.median_ms)
    yield Row("atto int8 at 224 px: latency over QDQ's", apart.ratio, 0.93, 0.80, most=True)


def lite0(zoo: Zoo) -> Iterator[Row]:
    """By absmax, by `auto` and by `most_faithful`, which is timed beside `auto`."""
    zoo.add_plain("lite0")
    bars = {"auto": [(29.5, 31), (97.5, 99)], "most_faithful": [(31, 33), (99.2, None)]}
    for what, model, artifact in (
        ("absmax", "lite0", "int8.absmax"),
        ("auto", "lite0", "int8"),
        ("most_faithful", "lite0_faithful", "int8"),
    ):
        found = zoo.quality(model, artifact, "imagenet_val_500", labels=False)
        limits = bars.get(what, [(None, None)] * 2)
        yield Row(f"lite0 {what}: SQNR of the logits, dB", found.sqnr_db, *limits[0])
        yield Row(f"lite0 {what}: top-1 agreement, %", 100 * found.agreement, *limits[1])
        yield Row(f"lite0 {what}: MB", zoo.bytes(model, artifact) / 1e6)
        if what != "absmax":
            share = int8_share(zoo.multiply_adds(model, artifact))
            yield Row(f"lite0 {what}: share of multiply-adds in int8", share, 0.85)
            fp32 = zoo.artifact("lite0", "fp32")
            beside, _ = time_beside(zoo.artifact(model, artifact), fp32, [(3, SIZE, SIZE)], 1, RUNS)
            yield Row(f"lite0 {what}: latency over fp32, 1 thread", beside.ratio)


def digits(zoo: Zoo) -> Iterator[Row]:
    drop = Evaluation.read(zoo.folder / "results/cpu/digits/int8.eval.json").top1_drop
    yield Row("digits int8: drop in test accuracy, points", drop, 0.2, 0, most=True)


def calibration(zoo: Zoo) -> Iterator[Row]:
    script, images = PROJECT / "benchmarks/calibration.py", zoo.reference / "imagenette128/val"
    files = zoo.files("atto224", "fp32")
    run = subprocess.run(
        [sys.executable, script, *files, images], check=True, stdout=subprocess.PIPE, text=True
    )
    ratio = float(run.stdout.split("ratio of the fastest runs:")[1].split()[0])
    yield Row("atto, 1000 images: statistics, table, int8 over bare inference", ratio, 2.2, 1.5, most=True)


def measure(zoo: Zoo) -> Iterator[Row]:
    if not (zoo.folder / AUTO).exists():
        minutes = zoo.build(AUTO) / 60
        yield Row(f"atto int8 from its weights, {IMAGES} images, minutes", minutes, 5, 2, most=True)
    zoo.build(*OTHERS)
    for part in (atto, faithful, atto_latency, lite0, digits, calibration):
        yield from part(zoo)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime's tools warn of each norm
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{'':<64} measured  must      aim    verdict")
        for row in measure(Zoo(folder, options.reference.resolve())):
            print(row, flush=True)


if __name__ == "__main__":
    main()
