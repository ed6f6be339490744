"""Whether a corrupted file passes its verification: none that is wrong may.

    python benchmarks/corruptions.py [--folder DIR] [--count 2000] [--seed 0] [--models NAME …]

Builds the embedded models' fp32, fp16 and int8 files for ncnn on the CPU in a zoo of its own, in `--folder`
(by default one that is removed at the end), corrupts them in `--count` ways, and verifies what is wrong. A
file is wrong that on `IMAGES` images which verification does not see is more than 6 dB further from the
model than the sound file is, and at an SQNR to that one below what `FROM_SOUND` says in dB. That is judged
here, by what TorchScript answers and with no metric of the project. Exits with 1 if a wrong file passes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import yaml

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.config.image_choice import images_for
from zoo.config.records.card import ModelCard
from zoo.config.zoo import Zoo
from zoo.errors import ArtifactError, ZooError
from zoo.images.inputs import Feed
from zoo.images.sets import ImageSet, Sample, samples
from zoo.jobs.records import read_json
from zoo.measure.reference_set import ReferenceSet, SearchImages
from zoo.measure.verify import verify
from zoo.ncnn.graph import Graph, read_graph, write_graph
from zoo.ncnn.layer import Layer, is_scale
from zoo.ncnn.param_ids import Convolution
from zoo.quantize.apply import moved_blobs
from zoo.quantize.recipe import Recipe
from zoo.runners.artifact import Artifact
from zoo.runners.inference import run
from zoo.search.outcome import SearchOutcome

MODELS = ("convnext_digits", "tf_efficientnet_lite0")
FROM_SOUND = {"fp32": 60.0, "fp16": 40.0, "int8": 40.0}
IMAGES, BELOW = 200, 6.0

Draw = np.random.Generator


def in_bytes(files: tuple[Path, ...], change: Callable[[bytearray], None]) -> None:
    """Change the bytes of a `.bin`."""
    data = bytearray(files[1].read_bytes())
    change(data)
    files[1].write_bytes(data)


def one_byte(files: tuple[Path, ...], draw: Draw) -> None:
    def change(data: bytearray) -> None:
        data[int(draw.integers(len(data)))] = int(draw.integers(256))

    in_bytes(files, change)


def zeroed(files: tuple[Path, ...], draw: Draw) -> None:
    def change(data: bytearray) -> None:
        start = int(draw.integers(max(1, len(data) - 4096)))
        data[start : start + 4096] = bytes(len(data[start : start + 4096]))

    in_bytes(files, change)


def in_graph(files: tuple[Path, ...], change: Callable[[Graph, Draw], Graph], draw: Draw) -> None:
    write_graph(change(read_graph(*files), draw), *files)


def with_array(layer: Layer, role: str, values: np.ndarray) -> Layer:
    array = replace(layer.weights[role], values=values.astype(layer.weights[role].values.dtype))
    return replace(layer, weights={**layer.weights, role: array})


def one_of(graph: Graph, draw: Draw, fits: Callable[[str], bool]) -> tuple[Layer, str]:
    """A layer and a role of its arrays that fits."""
    choices = [(layer, role) for layer in graph.layers for role in layer.weights if fits(role)]
    return choices[int(draw.integers(len(choices)))]


def scale_doubled(graph: Graph, draw: Draw) -> Graph:
    """int8: one layer's scales; else one layer's weights."""
    scales = any(is_scale(role) for layer in graph.layers for role in layer.weights)
    layer, role = one_of(graph, draw, is_scale if scales else lambda role: role in ("weight", "gamma"))
    return graph.replace(with_array(layer, role, 2 * layer.weights[role].values.astype(np.float32)))


def sign_of_bias(graph: Graph, draw: Draw) -> Graph:
    layer, role = one_of(graph, draw, lambda role: role in ("bias", "beta"))
    return graph.replace(with_array(layer, role, -layer.weights[role].values))


def channel_zeroed(graph: Graph, draw: Draw) -> Graph:
    layer, role = one_of(graph, draw, lambda role: role == "weight")
    rows = (
        layer.weights[role].values.reshape(layer.param(Convolution.NUM_OUTPUT), -1).copy()
    )  # InnerProduct has it under the same number
    rows[int(draw.integers(len(rows)))] = 0
    return graph.replace(with_array(layer, role, rows.ravel()))


def layers_swapped(graph: Graph, draw: Draw) -> Graph:
    """The arrays of two layers of one form."""
    forms: dict[tuple, list[Layer]] = {}
    for layer in graph.layers:
        form = tuple((role, each.storage, each.values.size) for role, each in layer.weights.items())
        forms.setdefault((layer.type, form), []).append(layer)
    alike = [layers for (_, form), layers in forms.items() if form and len(layers) > 1]
    if not alike:
        return channel_zeroed(graph, draw)
    layers = alike[int(draw.integers(len(alike)))]
    one, other = (layers[int(place)] for place in draw.choice(len(layers), 2, replace=False))
    return graph.replace(replace(one, weights=other.weights), replace(other, weights=one.weights))


def outputs_doubled(graph: Graph, draw: Draw) -> Graph:
    """By the last layer: its weights and bias, or for int8 the scales that its weights are divided by."""
    last = [layer for layer in graph.layers if "weight" in layer.weights][-1]
    scales = [role for role in last.weights if role.startswith("weight") and is_scale(role)]
    factors = {scales[0]: 0.5} if scales else {"weight": 2.0}
    for role, factor in {**factors, "bias": 2.0}.items():
        last = with_array(last, role, factor * last.weights[role].values.astype(np.float32))
    return graph.replace(last)


CORRUPTIONS = {
    "one byte": one_byte,
    "4 kB zeroed": zeroed,
    "a scale doubled": partial(in_graph, change=scale_doubled),
    "a bias's sign": partial(in_graph, change=sign_of_bias),
    "a channel zeroed": partial(in_graph, change=channel_zeroed),
    "layers swapped": partial(in_graph, change=layers_swapped),
    "outputs doubled": partial(in_graph, change=outputs_doubled),
}


def decibels(right: np.ndarray, other: np.ndarray) -> float:
    """Power of what is right over that of the difference, in dB; -inf for what is no number."""
    right, other = right.astype(np.float64), other.astype(np.float64)
    noise = np.mean((right - other) ** 2)
    if not np.isfinite(noise):
        return -np.inf
    return float("inf") if noise == 0 else float(10 * np.log10(np.mean(right**2) / noise))


@dataclass
class Case:
    """A sound artifact, and what it takes to corrupt, judge and verify it."""

    zoo: Zoo
    model: str
    precision: str
    scratch: Path

    @property
    def folder(self) -> str:
        return f"results/cpu/{self.model}"

    def artifact(self, files: tuple[Path, ...]) -> Artifact:
        return Artifact(self.model, "cpu", self.precision, "ncnn", self.precision, files)

    @property
    def sound_files(self) -> tuple[Path, ...]:
        return tuple(Path(f"{self.folder}/{self.precision}.{end}") for end in ("param", "bin"))

    @cached_property
    def feed(self) -> Feed:
        return ModelCard.read(f"results/weights/{self.model}.json").feed

    @cached_property
    def against(self) -> ReferenceSet:
        images = images_for(self.zoo, self.model, "verification").values
        truth = f"results/reference/{self.model}/verification.npz"
        return ReferenceSet.read(images, f"results/weights/{self.model}.json", truth)

    @cached_property
    def unseen(self) -> list[Sample]:
        """Images that verification does not see: others of the evaluation's, or crops of another seed."""
        values = {**images_for(self.zoo, self.model, "evaluation").values, "images": None}
        if values.get("crops"):
            return list(samples(ImageSet.from_dict({**values, "images": IMAGES, "seed": 1234})))
        seen = {sample.name for sample in self.against.samples}
        return [each for each in samples(ImageSet.from_dict(values)) if each.name not in seen][:IMAGES]

    @cached_property
    def truth(self) -> np.ndarray:
        script = Path(f"{self.folder}/torchscript.pt")
        original = Artifact(self.model, "cpu", "torchscript", "torch", "fp32", (script,))
        return run(original, self.unseen, self.feed, 1)[0][0].reshape(len(self.unseen), -1)

    @cached_property
    def sound(self) -> np.ndarray:
        return self.answers(self.sound_files)

    def answers(self, files: tuple[Path, ...]) -> np.ndarray:
        return run(self.artifact(files), self.unseen, self.feed, 1)[0][0].reshape(len(self.unseen), -1)

    def is_wrong(self, files: tuple[Path, ...]) -> bool:
        try:
            answers = self.answers(files)
        except (ArtifactError, ZooError):
            return True
        below = decibels(self.truth, self.sound) - decibels(self.truth, answers)
        return below > BELOW and decibels(self.sound, answers) < FROM_SOUND[self.precision]

    def passes(self, files: tuple[Path, ...]) -> bool:
        fp32 = tuple(Path(f"{self.folder}/fp32.{end}") for end in ("param", "bin"))
        pair = files if self.precision == "fp32" else fp32
        search = moved = None
        if self.precision == "int8":
            taken = SearchOutcome.read(f"{self.folder}/int8.search.json").taken
            images = images_for(self.zoo, self.model, "calibration").values
            card, answers = f"results/weights/{self.model}.json", f"{self.folder}/search/reference.npz"
            search = SearchImages.read(images, card, answers, taken.sqnr_db)
            recipe = Recipe.from_dict(read_json(f"{self.folder}/int8.recipe.json"))
            moved = partial(moved_blobs, recipe=recipe)
        gates = self.zoo.models[self.model].gates(self.precision)
        found = verify(self.artifact(files), self.against, pair, gates, 1, search=search, moved=moved)
        return found.verdict.passed

    def corrupted(self, kind: str, draw: Draw) -> tuple[Path, ...]:
        files = tuple(self.scratch / path.name for path in self.sound_files)
        for source, target in zip(self.sound_files, files, strict=True):
            target.write_bytes(source.read_bytes())
        CORRUPTIONS[kind](files, draw=draw)
        return files


def build(folder: Path, models: list[str]) -> None:
    """The files of the zoo, as `snakemake` makes them."""
    for name in ("Snakefile", "rules", "scripts", "calib", "profiles", "config.yaml"):
        if not (folder / name).exists():
            (folder / name).symlink_to(PROJECT / name)
    targets = [f"results/cpu/{model}/{each}" for model in models for each in (*TARGETS, "torchscript.pt")]
    command = [sys.executable, "-m", "snakemake", "-j2", *targets, "--quiet", "all"]
    subprocess.run(command, cwd=folder, check=True)


TARGETS = tuple(f"{precision}.passed" for precision in FROM_SOUND)


def measure(cases: list[Case], count: int, seed: int) -> Counter:
    """How many files there were of each case and kind, how many of them are wrong, and how many pass."""
    found: Counter = Counter()
    for case in cases:
        if case.is_wrong(case.sound_files) or not case.passes(case.sound_files):
            sys.exit(f"{case.model} {case.precision}: the sound file does not pass")
    for index in range(count):
        case, draw = cases[index % len(cases)], np.random.default_rng((seed, index))
        kind = list(CORRUPTIONS)[index // len(cases) % len(CORRUPTIONS)]
        files = case.corrupted(kind, draw)
        key = (case.model, case.precision, kind)
        found[*key, "files"] += 1
        if not case.is_wrong(files):
            continue
        found[*key, "wrong"] += 1
        if case.passes(files):
            found[*key, "passed"] += 1
            print(f"wrong, and passes: {' '.join(key)}, number {index}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch) / "zoo").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        build(folder, options.models)
        os.chdir(folder)
        zoo = Zoo.of(yaml.safe_load(Path("config.yaml").read_text()), folder)
        cases = [Case(zoo, model, each, Path(scratch)) for model in options.models for each in FROM_SOUND]
        found = measure(cases, options.count, options.seed)
    print(f"{'':<52}{'files':>7}{'wrong':>7}{'passed':>8}")
    for key in dict.fromkeys(key[:3] for key in found):
        numbers = [found[*key, what] for what in ("files", "wrong", "passed")]
        print(f"{' '.join(key):<52}{numbers[0]:>7}{numbers[1]:>7}{numbers[2]:>8}")
    passed = sum(number for key, number in found.items() if key[3] == "passed")
    sys.exit(f"{passed} wrong files pass" if passed else 0)


if __name__ == "__main__":
    main()
