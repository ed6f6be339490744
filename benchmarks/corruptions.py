"""Whether a corrupted file passes its verification: none that is wrong may.

    python benchmarks/corruptions.py [--folder DIR] [--count 2000] [--jobs N] [--seed 0] [--models NAME …]

Builds the embedded models' files for ncnn on the CPU (`PRECISIONS`) in a zoo of its own, in `--folder`
(by default one that is removed at the end), corrupts them in `--count` ways, and verifies what is wrong. A
file is wrong that on `IMAGES` images which verification does not see is more than 6 dB further from the
model than the sound file is, and at an SQNR to that one below what `FROM_SOUND` says in dB. That is judged
here, by what TorchScript answers and with no metric of the project. Exits with 1 if a wrong file passes.

In `--folder` each outcome is a line of a file that is named by the seed and the sound files' hash: a run that
ended early goes on there, and so does one with a greater count. `--only INDEX …` does single ones again, and
says why each was refused.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import yaml

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.config.artifacts import FEW_BITS
from zoo.config.changes import images_state
from zoo.config.image_choice import images_for
from zoo.config.records.card import ModelCard
from zoo.config.zoo import Zoo
from zoo.errors import ArtifactError, ZooError
from zoo.images.decode import read_inputs
from zoo.images.inputs import Feed
from zoo.images.sets import ImageSet, Sample, samples
from zoo.jobs.files import sha256
from zoo.jobs.isolation import Child, ChildDied
from zoo.jobs.records import read_json
from zoo.measure.closeness import closeness
from zoo.measure.gates import failures
from zoo.measure.reference_set import ReferenceSet, SearchImages
from zoo.measure.structure import ROUNDINGS, check_structure, strays
from zoo.measure.verify import verify
from zoo.ncnn.graph import Graph, read_graph, write_graph
from zoo.ncnn.layer import Layer, is_scale
from zoo.ncnn.param_ids import Convolution
from zoo.quantize.moved import moved_blobs
from zoo.quantize.recipe import Recipe
from zoo.runners import open_runner
from zoo.runners.artifact import Artifact
from zoo.runners.inference import run
from zoo.search.outcome import SearchOutcome
from zoo.search.trials import Tried

MODELS = ("convnext_digits", "tf_efficientnet_lite0")
SIDES = {"tf_efficientnet_lite0": 96}
"""Of images, in pixels, where it is not the model's own: thousands of verifications are to be affordable."""
PRECISIONS = {
    "convnext_digits": ("fp32", "fp16", "int8", "w6", "w4"),
    "tf_efficientnet_lite0": ("fp32", "fp16", "int8"),
}
"""What is built of a model: no layer of the second can have weights of few bits."""
FROM_SOUND = {"fp32": 60.0, "fp16": 40.0, "int8": 40.0, "w6": 40.0, "w4": 40.0}
IMAGES, BELOW = 200, 6.0
FIRST = 4
"""Images whose answers may show already that verification will refuse a file."""

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


def decibels(signal: float, noise: float) -> float:
    """A power over another, in dB."""
    return float("inf") if noise == 0 else float(10 * np.log10(signal / noise))


@dataclass(frozen=True)
class Judge:
    """What decides whether a file is wrong: it is asked in a process of its own, which a file may crash.

    inputs: of the unseen images. truth, sound: what the model and the sound file answer, (images, numbers).
    from_sound: dB, see `FROM_SOUND`. first: inputs of the first images that verification sees.
    """

    inputs: list[tuple[np.ndarray, ...]]
    truth: np.ndarray
    sound: np.ndarray
    from_sound: float
    first: list[tuple[np.ndarray, ...]]

    def answers_to_first(self, files: tuple[Path, ...], precision: str) -> np.ndarray:
        runner = open_runner("ncnn", files, precision=precision)
        return np.stack([runner.run(inputs)[0].ravel() for inputs in self.first])

    def is_wrong(self, files: tuple[Path, ...], precision: str) -> bool:
        """Image by image: powers of errors only grow, so what is wrong after a few images stays wrong."""
        runner = open_runner("ncnn", files, precision=precision)
        truth, sound = (each.astype(np.float64) for each in (self.truth, self.sound))
        sound_db = decibels(np.sum(truth**2), np.sum((truth - sound) ** 2))
        to_truth = to_sound = 0.0
        for index, inputs in enumerate(self.inputs):
            answer = runner.run(inputs)[0].ravel().astype(np.float64)
            to_truth += float(np.sum((truth[index] - answer) ** 2))
            to_sound += float(np.sum((sound[index] - answer) ** 2))
            if not np.isfinite(to_truth):
                return True
            below = sound_db - decibels(np.sum(truth**2), to_truth)
            if below > BELOW and decibels(np.sum(sound**2), to_sound) < self.from_sound:
                return True
        return False


@dataclass(frozen=True)
class Outcome:
    """What became of one corrupted file; passed: None for one that is not wrong, and is not verified."""

    index: int
    model: str
    precision: str
    kind: str
    wrong: bool
    passed: bool | None
    seconds: float


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

    @property
    def fp32_files(self) -> tuple[Path, ...]:
        return tuple(Path(f"{self.folder}/fp32.{end}") for end in ("param", "bin"))

    @cached_property
    def feed(self) -> Feed:
        return ModelCard.read(f"results/weights/{self.model}.json").feed

    @cached_property
    def against(self) -> ReferenceSet:
        images = images_for(self.zoo, self.model, "verification")
        card = f"results/weights/{self.model}.json"
        truth = f"results/reference/{self.model}/verification.npz"
        return ReferenceSet.read(images.values, images_state(images), card, truth)

    @cached_property
    def search(self) -> SearchImages | None:
        if self.precision == "int8":
            taken = SearchOutcome.read(f"{self.folder}/int8.search.json").taken
        elif self.precision in FEW_BITS:
            taken = Tried.read(f"{self.folder}/{self.precision}.trial.json")
        else:
            return None
        images = images_for(self.zoo, self.model, "calibration").values
        card, answers = f"results/weights/{self.model}.json", f"{self.folder}/search/reference.npz"
        return SearchImages.read(images, card, answers, taken.sqnr_db)

    @cached_property
    def unseen(self) -> list[Sample]:
        """Images that verification does not see: others of the evaluation's, or crops of another seed."""
        values = {**images_for(self.zoo, self.model, "evaluation").values, "images": None}
        if values.get("crops"):
            return list(samples(ImageSet.from_dict({**values, "images": IMAGES, "seed": 1234})))
        seen = {sample.name for sample in self.against.samples}
        return [each for each in samples(ImageSet.from_dict(values)) if each.name not in seen][:IMAGES]

    @cached_property
    def judge(self) -> Child:
        script = Path(f"{self.folder}/torchscript.pt")
        original = Artifact(self.model, "cpu", "torchscript", "torch", "fp32", (script,))
        inputs = [read_inputs(sample, self.feed) for sample in self.unseen]
        answers = [
            run(each, self.unseen, self.feed, 1)[0][0].reshape(len(self.unseen), -1)
            for each in (original, self.artifact(self.sound_files))
        ]
        first = [read_inputs(sample, self.feed) for sample in self.against.samples[:FIRST]]
        return Child.of(Judge, inputs, *answers, FROM_SOUND[self.precision], first)

    def is_wrong(self, files: tuple[Path, ...]) -> bool:
        try:
            wrong: bool = self.judge.call("a corrupted file", Judge.is_wrong, files, self.precision)
        except ChildDied:
            del self.judge
            return True
        except (ZooError, MemoryError):
            return True
        return wrong

    def passes(self, files: tuple[Path, ...]) -> bool:
        """As the job `verify` decides it, which passes nothing if it fails; what one part of it refuses for
        certain is asked first."""
        try:
            return not self.surely_refused(files) and not self.verified(files)
        except (ZooError, MemoryError):
            return False

    def surely_refused(self, files: tuple[Path, ...]) -> bool:
        if not check_structure("ncnn", files).ok:
            return True
        if self.precision in ROUNDINGS and strays(files, self.fp32_files, self.precision):
            return True
        return bool(self.failures_at_best(files))

    def failures_at_best(self, files: tuple[Path, ...]) -> list[str]:
        """What the gates say of the answers to a few images if those to all others were the model's own: no
        other answers would be closer, in any of the figures that there are gates for."""
        reference = self.against.reference
        try:
            answers = self.judge.call("a corrupted file", Judge.answers_to_first, files, self.precision)
        except ChildDied:
            del self.judge
            return []
        except ArtifactError:
            return []  # the verification says what it makes of that
        (truth,) = reference.outputs
        best = truth.copy()
        best[: len(answers)] = answers.reshape(-1, *truth.shape[1:])
        numbers = closeness((truth,), (best,), reference.names, reference.classifies)
        return failures((best,), reference.names, numbers, self.gates)

    @property
    def gates(self) -> dict[str, float]:
        return self.zoo.models[self.model].gates(self.precision)

    def verified(self, files: tuple[Path, ...]) -> tuple[str, ...]:
        pair = files if self.precision == "fp32" else self.fp32_files
        moved = None
        if self.precision == "int8":
            recipe = Recipe.from_dict(read_json(f"{self.folder}/int8.recipe.json"))
            moved = partial(moved_blobs, recipe=recipe)
        artifact = self.artifact(files)
        found = verify(artifact, self.against, pair, self.gates, 1, search=self.search, moved=moved)
        assert found.verdict.passed == (not found.verdict.failures)
        return found.verdict.failures

    def corrupted(self, kind: str, draw: Draw) -> tuple[Path, ...]:
        files = tuple(self.scratch / path.name for path in self.sound_files)
        for source, target in zip(self.sound_files, files, strict=True):
            target.write_bytes(source.read_bytes())
        CORRUPTIONS[kind](files, draw=draw)
        return files


def configuration(models: list[str]) -> dict:
    """The project's, with these models and their sides."""
    own = yaml.safe_load((PROJECT / "config.yaml").read_text())
    own["models"] = {name: own["models"][name] for name in models}
    for name, side in SIDES.items():
        if name in models:
            own["models"][name]["preprocess"] = {"size": [side, side]}
    return {**own, "devices": ["cpu"]}


def build(folder: Path, models: list[str]) -> None:
    """The files of the zoo, as `snakemake` makes them."""
    for name in ("Snakefile", "rules", "scripts", "calib", "profiles"):
        if not (folder / name).exists():
            (folder / name).symlink_to(PROJECT / name)
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration(models)))
    targets = [f"results/cpu/{model}/torchscript.pt" for model in models]
    targets += [f"results/cpu/{model}/{each}.passed" for model in models for each in PRECISIONS[model]]
    command = [sys.executable, "-m", "snakemake", "-j2", *targets, "--quiet", "all"]
    subprocess.run(command, cwd=folder, check=True)


class Corruptions:
    """All cases of a zoo in the current folder, in one process."""

    def __init__(self, models: list[str], seed: int, scratch: Path) -> None:
        zoo, self._seed = Zoo.of(yaml.safe_load(Path("config.yaml").read_text()), Path.cwd()), seed
        own = Path(tempfile.mkdtemp(dir=scratch))
        self.cases = [Case(zoo, model, each, own) for model in models for each in PRECISIONS[model]]

    def file(self, index: int) -> tuple[Case, str, tuple[Path, ...]]:
        case, draw = self.cases[index % len(self.cases)], np.random.default_rng((self._seed, index))
        kind = list(CORRUPTIONS)[index // len(self.cases) % len(CORRUPTIONS)]
        return case, kind, case.corrupted(kind, draw)

    def outcome(self, index: int) -> Outcome:
        start = time.monotonic()
        case, kind, files = self.file(index)
        same = all(a.read_bytes() == b.read_bytes() for a, b in zip(files, case.sound_files, strict=True))
        wrong = not same and case.is_wrong(files)
        passed = case.passes(files) if wrong else None
        seconds = time.monotonic() - start
        return Outcome(index, case.model, case.precision, kind, wrong, passed, round(seconds, 2))

    def check_sound(self) -> None:
        for case in self.cases:
            if case.is_wrong(case.sound_files) or not case.passes(case.sound_files):
                sys.exit(f"{case.model} {case.precision}: the sound file does not pass")

    def state(self) -> str:
        """Changes when the sound files do, or the seed."""
        return f"{self._seed}-{sha256(*(file for case in self.cases for file in case.sound_files))[:16]}"


_process: list[Corruptions] = []


def start(models: list[str], seed: int, scratch: Path) -> None:
    _process.append(Corruptions(models, seed, scratch))


def outcome_of(index: int) -> Outcome:
    return _process[0].outcome(index)


def measure(models: list[str], options: argparse.Namespace, scratch: Path) -> list[Outcome]:
    """The outcomes of all files, those of an earlier run included."""
    corruptions = Corruptions(models, options.seed, scratch)
    notes = Path(f"corruptions-{corruptions.state()}.jsonl")
    lines = notes.read_text().splitlines() if notes.exists() else []
    done = {each.index: each for each in (Outcome(**json.loads(line)) for line in lines)}
    if not done:
        corruptions.check_sound()
    missing = [index for index in range(options.count) if index not in done]
    spawned, arguments = multiprocessing.get_context("spawn"), (models, options.seed, scratch)
    with ProcessPoolExecutor(options.jobs, spawned, start, arguments) as pool, notes.open("a") as handle:
        for ended in as_completed([pool.submit(outcome_of, index) for index in missing]):
            outcome = ended.result()
            done[outcome.index] = outcome
            print(json.dumps(asdict(outcome)), file=handle, flush=True)
            if outcome.passed:
                print(f"wrong, and passes: {outcome}", flush=True)
    return [outcome for index, outcome in done.items() if index < options.count]


def again(models: list[str], seed: int, scratch: Path, indices: Iterable[int]) -> None:
    """Single files, with all that a verification says of them."""
    corruptions = Corruptions(models, seed, scratch)
    for index in indices:
        case, kind, files = corruptions.file(index)
        print(f"{index}: {case.model} {case.precision} {kind}: wrong: {case.is_wrong(files)}", flush=True)
        print(*(case.verified(files) or ["passes"]), sep="\n", flush=True)


def table(outcomes: list[Outcome]) -> list[str]:
    """How many files there were of each case and kind, how many of them are wrong, and how many pass."""
    found: Counter = Counter()
    for each in outcomes:
        for key in (f"{each.model} {each.precision} {each.kind}", "all"):
            found[key, "files"] += 1
            found[key, "wrong"] += each.wrong
            found[key, "passed"] += bool(each.passed)
    lines = [f"{'':<52}{'files':>7}{'wrong':>7}{'passed':>8}"]
    for key in sorted({key for key, _ in found}, key=lambda key: (key == "all", key)):
        files, wrong, passed = (found[key, what] for what in ("files", "wrong", "passed"))
        lines.append(f"{key:<52}{files:>7}{wrong:>7}{passed:>8}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--only", nargs="*", type=int, default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch) / "zoo").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        build(folder, options.models)
        os.chdir(folder)
        if options.only:
            return again(options.models, options.seed, Path(scratch), options.only)
        outcomes = measure(options.models, options, Path(scratch))
    print(*table(outcomes), sep="\n")
    passed = sum(bool(each.passed) for each in outcomes)
    sys.exit(f"{passed} wrong files pass" if passed else 0)


if __name__ == "__main__":
    main()
