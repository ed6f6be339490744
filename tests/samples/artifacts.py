"""A small network as an artifact, images, and what it makes of them, for tests that run artifacts."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from samples.cards import RECORD, card
from samples.ncnn import run, small_network, two_headed
from zoo.config.records.verification import Cosine, Numbers, Structure, Verdict, Verification
from zoo.images.decode import load
from zoo.images.inputs import NORMAL, Feed, Input
from zoo.images.sets import Sample
from zoo.measure.structure import file_facts
from zoo.ncnn.graph import Graph, write_graph
from zoo.runners.artifact import Artifact
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.runners.reference import Reference

FEED = Feed.image(RECORD)
TWO = Feed(RECORD, (Input("photo", (3, 8, 8)), Input("vector", (6,), NORMAL)))
"""What feeds `two_headed`."""


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


def proof(*files: Path, failures: tuple[str, ...] = (), **fields: str) -> Verification:
    """A made-up verification of these files as they are now, of 40 dB. fields: as for `artifact`."""
    numbers = Numbers(
        images=3,
        cosine=Cosine(0.999, 0.9995),
        sqnr_db=40.04,
        max_abs_error=0.01,
        top1_agreement=1.0,
        image_set="photos",
    )
    return Verification(
        **artifact(*files, **fields).heading(),
        runtime=None,
        structure=Structure(True, (), file_facts(files)),
        numbers=numbers,
        divergence=None,
        verdict=Verdict(not failures, failures, {"min_cosine": 0.99}),
    )


def changed_in_time(file: Path) -> None:
    """Another last byte, with the file's size and time of change as they were."""
    before, content = file.stat(), file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def reference(graph: Graph, samples: list[Sample], folder: Path) -> Reference:
    """What the graph makes of the samples, in fp32 on the CPU, without labels."""
    logits = np.stack([run(graph, image, folder).ravel() for _, (image,) in load(samples, FEED, 1)])
    return Reference((logits,), tuple(sample.name for sample in samples), None)


def two_headed_reference(samples: list[Sample], folder: Path, **fields: Any) -> Reference:
    """What `two_headed` makes of the samples: it is no classifier."""
    runner = NcnnRunner(*pair(two_headed(), folder, "two"), device="cpu", threads=1, precision="fp32")
    results = [runner.run(inputs) for _, inputs in load(samples, TWO, 1)]
    outputs = tuple(np.stack(each) for each in zip(*results, strict=True))
    return Reference(outputs, tuple(sample.name for sample in samples), task="other", **fields)


LABELS = ["zero", "one", "two", "three", "four"]


def make_tree(folder: Path, graph: Graph | None = None, **changes: Any) -> Path:
    """A zoo's folders with one ncnn artifact in them, which passed its verification; the path of its .param.

    changes: of the card, see `samples.cards.card`.
    """
    place = folder / "results/cpu/small"
    place.mkdir(parents=True)
    card(**{"labels": tuple(LABELS)} | changes).write(folder / "results/weights/small.json")
    files = pair(graph or small_network(), place)
    proof(*files).write(place / "fp32.verify.json")
    return files[0]
