"""A small network as an artifact, images, and what it makes of them, for tests that run artifacts."""

from pathlib import Path

import numpy as np
from ncnn_samples import run
from PIL import Image

from zoo.image_sets import Sample
from zoo.images import load
from zoo.inference import Artifact, Reference
from zoo.ncnn_graph import Graph, write_graph
from zoo.preprocess import Preprocess

RECORD = Preprocess(size=(8, 8), crop_pct=1.0, mean=(0.5,) * 3, std=(0.25,) * 3)


def photos(folder: Path, count: int = 3) -> list[Sample]:
    """Files of 8 x 8 pixels of noise."""
    generator = np.random.default_rng(5)
    samples = []
    for index in range(count):
        path = folder / f"{index}.png"
        Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
        samples.append(Sample(path.name, path))
    return samples


def pair(graph: Graph, folder: Path, name: str = "fp32") -> tuple[Path, Path]:
    """The graph as files."""
    files = folder / f"{name}.param", folder / f"{name}.bin"
    write_graph(graph, *files)
    return files


def artifact(*files: Path, **fields: str) -> Artifact:
    """An artifact `small` of these files; by default ncnn's fp32 on the CPU."""
    usual = {"model": "small", "device": "cpu", "name": "fp32", "runtime": "ncnn", "precision": "fp32"}
    return Artifact.of(files, **usual | fields)


def reference(graph: Graph, samples: list[Sample], folder: Path) -> Reference:
    """What the graph makes of the samples, in fp32 on the CPU, without labels."""
    logits = np.stack([run(graph, image, folder).ravel() for _, image in load(samples, RECORD, 1)])
    return Reference(logits, tuple(sample.name for sample in samples), None)
