"""What the ONNX files are worth: how faithful to the model in torch, and how fast beside fp32.onnx.

    python benchmarks/onnx_files.py --reference DIR [--folder DIR] [--runs 50]

Builds the zoo of `fidelity.py`, which says what `--reference` holds, and measures its fp16.onnx,
int8_dynamic.onnx and int8_static.onnx, and int8_static.onnx by other settings: fidelity on 1000 photographs
(atto) and 500 (lite0), latency with one thread, as the median ratio of neighbouring runs.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
from fidelity import IMAGES, Zoo

from zoo.config.settings import OnnxInt8
from zoo.images.sets import CalibrationSet, ImageSet, samples
from zoo.measure.accuracy import accuracy
from zoo.measure.timing import time_beside
from zoo.onnx.calibration import feeds, load_model
from zoo.onnx.int8 import quantize_static
from zoo.runners.artifact import Artifact
from zoo.runners.reference import Reference, outputs

MODELS = {"atto": "imagenette128/val", "lite0": "imagenet_val_500"}
BUILT = ("fp32", "fp16", "int8_dynamic", "int8_static")
SETTINGS = {
    "entropy": {"calibration": "entropy"},
    "percentile 99.999": {"calibration": "percentile"},
    "percentile 99.99": {"calibration": "percentile", "percentile": 99.99},
    "minmax, weights int7": {"weights": "int7"},
    "minmax, weights int8": {"weights": "int8"},
    "minmax, symmetric, weights int8": {"symmetric": True},
    "minmax, symmetric, weights int7": {"symmetric": True, "weights": "int7"},
}


def calibration(zoo: Zoo, model: str) -> ImageSet:
    """The calibration images that the zoo's configuration has for a model."""
    if model == "atto":
        return ImageSet("calib", zoo.reference / "imagenette128/calib", images=IMAGES)
    return ImageSet.from_dict(
        {"name": "natural", "path": str(zoo.folder / "calib/natural"), "crops": True, "images": 100}
    )


def files(zoo: Zoo, model: str) -> Iterator[tuple[str, Path]]:
    """What each file is and where: those that the zoo made, then int8_static by other settings."""
    folder = zoo.folder / "results/cpu" / model
    for name in BUILT:
        yield f"{name}.onnx", folder / f"{name}.onnx"
    source, feed = load_model(folder / "fp32.onnx"), zoo.feed(model)
    chosen = CalibrationSet.of(calibration(zoo, model)).collected
    for name, setting in SETTINGS.items():
        path = folder / "int8_static.other.onnx"
        inputs = feeds(source, chosen, feed, threads=2)
        onnx.save(quantize_static(source, inputs, len(chosen), OnnxInt8(**setting)), path)
        yield f"int8_static.onnx: {name}", path


def measure(zoo: Zoo, model: str, runs: int) -> Iterator[str]:
    """A line of the table for each file."""
    zoo.build(
        *(f"results/cpu/{model}/{name}.onnx" for name in BUILT), f"results/reference/{model}/evaluation.npz"
    )
    reference = Reference.load(zoo.folder / f"results/reference/{model}/evaluation.npz")
    feed = zoo.feed(model)
    labels = model == "atto"
    chosen = samples(ImageSet("photos", zoo.reference / MODELS[model], labels=labels))
    fp32 = Artifact(
        model, "cpu", "fp32", "onnxruntime", "fp32", (zoo.folder / f"results/cpu/{model}/fp32.onnx",)
    )
    for name, path in files(zoo, model):
        artifact = Artifact(model, "cpu", name, "onnxruntime", "int8", (path,))
        logits, _ = outputs(artifact, chosen, feed, reference, threads=2)
        found = accuracy(logits, reference)
        ratio = time_beside(artifact, fp32, feed.shapes, threads=1, runs=runs)[0].ratio
        drop = "" if found.top1_drop is None else f"{found.top1_drop:8.2f}"
        yield (
            f"{model:<6} {name:<40} {found.sqnr_db:7.1f} {100 * found.agreement:9.1f} {drop:>8} "
            f"{ratio:8.2f} {path.stat().st_size / 1e6:7.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        zoo = Zoo(folder, options.reference.resolve())
        print(f"{'':<47} SQNR dB agreement %  drop    time over fp32.onnx, MB")
        for model in MODELS:
            for line in measure(zoo, model, options.runs):
                print(line, flush=True)


if __name__ == "__main__":
    main()
