"""What an int8 file of a target loses by the float16 between its layers, told by many photographs here.

    python benchmarks/float16_storage.py results/a76/MODEL results/cpu/MODEL results/weights/MODEL.json PHOTOS

The folders hold int8.param and .bin of the target, and fp32's; PHOTOS is a folder of images. The file runs
here as it is, with every blob rounded to float16 and back by two layers of the type Cast, and the same but
for blobs that its masks have stored in float32. That is what a processor with float16 does to it, but for
float16 arithmetic, in a fiftieth of the time that its emulation takes.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.array_types import Floats
from zoo.config.records.card import ModelCard
from zoo.images.sets import ImageSet, samples
from zoo.ncnn.graph import Graph, read_graph, write_graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.masks import stores_float32
from zoo.ncnn.param_ids import Cast
from zoo.runners.artifact import Artifact
from zoo.runners.inference import run

FLOAT32, FLOAT16 = 1, 2
"""What the layer type Cast calls them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("target", "cpu", "card", "photos"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    feed, photos = ModelCard.read(options.card).feed, samples(ImageSet("photos", path=options.photos))

    def answers(folder: Path, name: str) -> Floats:
        files = folder / f"{name}.param", folder / f"{name}.bin"
        artifact = Artifact(options.target.name, "cpu", name, "ncnn", name, files)
        return run(artifact, photos, feed, 2)[0][0].astype(np.float64)

    fp32, here = answers(options.cpu, "fp32"), answers(options.target, "int8")
    print(f"here {decibels(fp32, here):.2f} dB to fp32, {len(photos)} photographs")
    graph = read_graph(options.target / "int8.param", options.target / "int8.bin")
    for what, kept in (("all rounded", False), ("as its masks say", True)):
        with tempfile.TemporaryDirectory() as folder:
            write_graph(rounded(graph, kept), Path(folder) / "int8.param", Path(folder) / "int8.bin")
            got = answers(Path(folder), "int8")
        noises = [np.square(each - fp32).sum(axis=1) for each in (here, got)]
        error = 10 / np.log(10) * np.sqrt(len(photos)) * (noises[1] - noises[0]).std(ddof=1) / noises[0].sum()
        change = decibels(fp32, got) - decibels(fp32, here)
        print(f"{what}: {change:+.2f} +- {error:.2f} dB, {decibels(here, got):.1f} dB to the answers here")


def rounded(graph: Graph, kept: bool) -> Graph:
    """The graph with its floats rounded between layers; kept: but for what is stored in float32."""
    changed = graph
    for layer in graph.layers:
        for blob in layer.outputs if layer.type not in ("Split", "Quantize") else ():
            readers = graph.consumers(blob)
            exact = layer.type == "Input" or stores_float32(layer)
            if not readers or (kept and exact and stores_float32(readers[0])):
                continue
            for name, source, target in (("half", FLOAT32, FLOAT16), ("float", FLOAT16, FLOAT32)):
                cast = Layer("Cast", f"{blob}_{name}", (), (), {Cast.TYPE_FROM: source, Cast.TYPE_TO: target})
                changed = changed.insert(blob if name == "half" else f"{blob}_half", cast)
    return changed


def decibels(expected: Floats, got: Floats) -> float:
    return float(10 * np.log10(np.square(expected).sum() / np.square(got - expected).sum()))


if __name__ == "__main__":
    main()
