"""Damaged and hostile files for every reader of the project: python benchmarks/fuzz.py [--count 1000000]

Each case is a sound file, changed in one to four places, or two of a kind spliced. A reader may take it, or
refuse it with the project's own exception. Everything else is a fault: another exception, a crash of the
process, more than ten seconds, or more than a GiB. Faults are printed as one line a kind and place; the exit
status is 1 if there are any. Case N of a seed is always the same: --case N does it again, with its traceback.
"""

import argparse
import contextlib
import io
import json
import lzma
import multiprocessing
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "tests")]

import jsonschema
import numpy as np
import psutil
import yaml

from samples import report
from samples.artifacts import TWO
from samples.damage import arrays, binary, record, text
from samples.history import course, figures
from samples.locks import locked
from samples.ncnn import chain, small_network, two_headed
from samples.statistics import statistics_of
from zoo.calibration.statistics import CalibrationStatistics
from zoo.config.reading import config_file
from zoo.config.reading.places import locating, mistake
from zoo.config.reading.schema_error import place as place_of
from zoo.config.reading.schema_error import sentence
from zoo.config.records.benchmark import Benchmark, TimedLatency
from zoo.config.records.best import BestArtifact, Contender
from zoo.config.records.card import ModelCard
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.fp16_recipe import Fp16Recipe, MaskedLayer
from zoo.config.records.options import OptionTrial, RuntimeOptions
from zoo.config.records.program import Program
from zoo.config.records.proof import RuntimeInfo
from zoo.config.records.verification import Verification
from zoo.config.settings import Regression
from zoo.config.zoo import Zoo
from zoo.errors import ZooError
from zoo.history import baseline
from zoo.history import lines as lines_of
from zoo.history.lines import line
from zoo.history.regressions import compare
from zoo.images.decode import read_inputs
from zoo.images.sets import Sample
from zoo.jobs.files import sha256
from zoo.jobs.made import FOLDER as MADE_FOLDER
from zoo.jobs.making import FOLDER as NOTES
from zoo.jobs.making import Making
from zoo.jobs.surroundings import Surroundings
from zoo.locks import lock as locks
from zoo.locks.difference import restored
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import Graph, ordered_arrays, write_graph
from zoo.ncnn.options import Options
from zoo.ncnn.param import format_param
from zoo.provenance.check import differences
from zoo.provenance.describe import describe
from zoo.quantize.recipe import LayerPlan, Recipe, read_recipes
from zoo.quantize.table import CalibrationTable, check_table, format_table, read_table
from zoo.report.course import courses
from zoo.runners.reference import Reference
from zoo.search.choice import summary
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity

SECONDS = 10
MEMORY = 2**30
ENOUGH = 500
"""Faults after which there is no point in going on."""
TELL = 50_000
"""Files after which a line says how far it is."""
SCHEMA = yaml.safe_load((PROJECT / "rules/config.schema.yaml").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
Change = Callable[[random.Random, list[bytes]], bytes]


@dataclass(frozen=True)
class Reader:
    """Sound files of a kind, how they are changed, and what reads one from a path."""

    name: str
    samples: list[bytes]
    change: Change
    read: Callable[[Path], Any]
    suffix: str = ".json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--start", type=int, default=0, help="the first case, where another campaign ended")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this long")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only", help="the reader of this name")
    parser.add_argument("--case", type=int, help="do this one again, and show its file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        everything = readers(Path(folder))
        chosen = [each for each in everything if options.only in (None, each.name)]
        if options.case is not None:
            again(chosen, options.seed, options.case, Path(folder))
            return
        done, faults = Campaign(chosen, options, Path(folder)).run()
    kinds = Counter(fault.summary for fault in faults)
    for said, number in kinds.most_common():
        first = min(fault.case for fault in faults if fault.summary == said)
        print(f"{number} x {said} (case {first})")
    print(f"{done} files, {len(faults)} faults ({tally(faults)})")
    sys.exit(bool(faults))


def tally(faults: list["Fault"]) -> str:
    counted = Counter(each.kind for each in faults)
    return ", ".join(f"{kind}: {counted[kind]}" for kind in ("crash", "hang", "memory", "exception"))


# What is read


def readers(folder: Path) -> list[Reader]:
    """All readers of files, with sound samples; `folder` takes the files that go with one that is changed."""
    graphs = [small_network(), two_headed(), chain("MemoryData", {0: 3}), *norms_and_attention()]
    pairs = [pair(graph, folder / f"sound{place}") for place, graph in enumerate(graphs)]
    param, weights = pairs[0]
    table = table_of(graphs[0])
    recipe = recipe_of(graphs[0], table)
    statistics = statistics_of({"conv": np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)})
    records = {
        ModelCard: report.card(),
        Verification: report.verification("m"),
        Benchmark: report.benchmark("m"),
        TimedLatency: report.benchmark("m").latency[0],
        Evaluation: report.evaluation("m"),
        SearchOutcome: report.search("m"),
        Sensitivity: report.sensitivity("m"),
        Recipe: recipe,
        BestArtifact: best(),
        RuntimeOptions: chosen_options(),
        Fp16Recipe: masks(),
        Program: Program("m", "a76", "int8", "aarch64", 9, "a", ("Bias", "ReLU"), "1.0.1", "g++ 12", "b"),
    }
    params, whole = [each.read_bytes() for each, _ in pairs], weights.read_bytes()
    graph, written = graphs[0], format_table(table).encode()
    return [
        Reader("param", params, text, lambda path: load_checked(path, weights), ".param"),
        Reader("bin", [whole], binary, lambda path: load_checked(param, path), ".bin"),
        Reader("table", [written], text, lambda path: check_table(read_table(path), graph), ".table"),
        *(Reader(kind.__name__, [as_json(each)], record, kind.read) for kind, each in records.items()),
        Reader("recipes", [json.dumps({"a": recipe.to_dict()}).encode()], record, read_recipes),
        Reader("config", configurations(), record, read_config, ".yaml"),
        Reader("config as typed", typed_configurations(), text, read_config, ".yaml"),
        Reader("reference", [reference(folder)], arrays, Reference.load, ".npz"),
        Reader("statistics", [saved(statistics, folder)], arrays, read_statistics(graph), ".npz"),
        Reader("inputs", [inputs()], arrays, lambda path: read_inputs(Sample("x", path), TWO), ".npz"),
        *locks_and_histories(folder / "lock"),
    ]


def locks_and_histories(folder: Path) -> list[Reader]:
    """What people commit or are handed: a lock of int8, and what is beside it; the history and the baseline;
    a manifest, and the notes that it is made from."""
    folder.mkdir()
    lock, delta = locked(folder)
    base = load_checked(folder / "fp32.param", folder / "fp32.bin")
    lines = "".join(map(line, course("m"))).encode()
    kept = line(figures(model="m")).encode()
    manifest, note = described(folder / "zoo/results")
    return [
        Reader("lock", [lock.read_bytes()], record, read_lock(base, delta.read_bytes())),
        Reader("delta", [delta.read_bytes()], packed, lambda path: remade(base, path.read_bytes()), ".delta"),
        Reader("history", [lines], lined, read_history, ".jsonl"),
        Reader("baseline", [kept], lined, read_baseline, ".jsonl"),
        Reader("manifest", [manifest], record, lambda path: list(differences(path))),
        Reader("making", [note], record, read_making(folder / "zoo")),
    ]


def read_lock(base: Graph, difference: bytes) -> Callable[[Path], None]:
    """As scripts/int8_locked.py does."""

    def read(path: Path) -> None:
        lock = locks.read(path, "net", "cpu")
        with contextlib.suppress(ZooError):  # to go on behind
            lock.check(path, replace(lock.origin, weights="", images=""))
        recipe, outcome, _ = lock.chosen()
        summary(outcome)
        format_table(lock.table(base, recipe))
        restored(base, difference)
        lock.check_files(path, [])

    return read


def remade(base: Graph, content: bytes) -> None:
    graph = restored(base, content)
    format_param(graph.layers, len(graph.blobs))
    for layer in graph.layers:
        ordered_arrays(layer)


def read_history(path: Path) -> None:
    """As the end of a build does, and the report."""
    known, _ = lines_of.read(path)
    lines_of.news(known, [figures(model="m")])
    courses(known)


def read_baseline(path: Path) -> None:
    """As `check_regressions` does."""
    known = baseline.read(path)
    margins = dict.fromkeys((each.model for each in known), Regression())
    compare(known, [*known, figures(model="m")], margins)
    compare([figures(model="m")], known, {"m": Regression()})
    baseline.asked(Zoo.of({"models": {"m": {"timm": "x"}}, "baseline": str(path)}), ["cpu"])


def described(root: Path) -> tuple[bytes, bytes]:
    """A manifest of a folder with one file, and the note of how that was made."""
    file, sbom = root / "cpu/m/fp32.bin", root / "sbom.cdx.json"
    file.parent.mkdir(parents=True)
    (root / MADE_FOLDER).mkdir()
    for path in (file, sbom):
        path.write_bytes(b"content")
    Making(sha256(file), "ncnn_fp32", {"a": "1"}, {"code": "2"}, Surroundings.own()).write(file)
    found = describe([file, sbom], {"m": {}}, root, sbom)
    return as_json(found), next((root / NOTES).rglob("*.json")).read_bytes()


def read_making(zoo: Path) -> Callable[[Path], None]:
    """The note of a file, and the manifest that tells it."""
    file = zoo / "results/cpu/m/fp32.bin"

    def read(path: Path) -> None:
        note = next((zoo / "results" / NOTES).rglob("fp32.bin.json"))
        note.write_bytes(path.read_bytes())
        describe([file, zoo / "results/sbom.cdx.json"], {}, zoo / "results", zoo / "results/sbom.cdx.json")

    return read


def packed(draw: random.Random, samples: list[bytes]) -> bytes:
    """The bytes of a difference, or what is packed in it: the wiring, how arrays are told, their numbers."""
    if draw.random() < 0.2:
        return binary(draw, samples)
    data = lzma.decompress(draw.choice(samples))
    (size,) = struct.unpack_from("<I", data)
    head, rest = data[4 : 4 + size], data[4 + size :]
    match draw.randrange(4):
        case 0:
            head = record(draw, [head])
        case 1:
            values = json.loads(head)
            values["param"] = text(draw, [values["param"].encode()]).decode(errors="surrogateescape")
            head = json.dumps(values).encode()
        case 2:
            rest = binary(draw, [rest])
        case 3:
            data = binary(draw, [data])
            return lzma.compress(data, preset=0)
    return lzma.compress(struct.pack("<I", len(head)) + head + rest, preset=0)


def lined(draw: random.Random, samples: list[bytes]) -> bytes:
    """A line of a file of them is another record, or the text is changed."""
    if draw.random() < 0.3:
        return text(draw, samples)
    lines = draw.choice(samples).splitlines()
    place = draw.randrange(len(lines))
    lines[place] = record(draw, [lines[place]])
    return b"\n".join(lines) + b"\n"


def norms_and_attention() -> list[Graph]:
    """Layers whose arrays follow from many parameters."""
    return [
        chain("LayerNorm", affine_size=4),
        chain("Gemm", constant_b=1, constant_n=4, constant_k=3, constant_m=2, trans_b=1, constant_c=1,
              constant_broadcast_type_c=4),
        chain("MultiHeadAttention", embed_dim=4, num_heads=2, weight_data_size=16, kdim=4, vdim=4),
        chain("LSTM", num_output=3, weight_data_size=36, direction=0),
    ]  # fmt: skip


def pair(graph: Graph, stem: Path) -> tuple[Path, Path]:
    files = stem.with_suffix(".param"), stem.with_suffix(".bin")
    write_graph(graph, *files)
    return files


def table_of(graph: Graph) -> CalibrationTable:
    scales = {"conv": 4, "dw": 4, "fc": 5}
    return CalibrationTable(
        {name: np.linspace(1, 90, count, dtype=np.float32) for name, count in scales.items()},
        dict.fromkeys(scales, 31.5),
    )


def recipe_of(graph: Graph, table: CalibrationTable) -> Recipe:
    plans = {"conv": LayerPlan("int8"), "dw": LayerPlan("int8"), "fc": LayerPlan("fp16")}
    return Recipe("mine", plans, table)


def masks() -> Fp16Recipe:
    layers = (
        MaskedLayer("a", "ReLU", 19, "overflow", 0.0, None, 7e4),
        MaskedLayer("b", "Gemm", 1, "loss", 0.5, 3),
    )
    runtime = RuntimeInfo("ncnn", "1.0", "Cortex-A76, emulated", features=("asimdhp",))
    return Fp16Recipe("m", "a76", runtime, 8, 4, None, 62.5, 67.5, 0.5, None, layers)


def best() -> BestArtifact:
    contenders = (
        Contender("int8", (), 30, 40.5, 1.5, 0.5),
        Contender("fp16", ("coarse",), 60, None, None, None),
    )
    return BestArtifact("m", "cpu", "int8", "fastest", None, 3.5, 1, "it is", {"int8.bin": "a"}, contenders)


def chosen_options() -> RuntimeOptions:
    off = {"use_sgemm_convolution": False}
    tried = (
        OptionTrial(
            round=1, name="no sgemm", switches=off, ratio=0.9, ratio_error=0.01, sqnr_db=60.5, taken=True
        ),
        OptionTrial(
            round=2,
            name="2 threads",
            switches={},
            threads=2,
            ratio=None,
            ratio_error=0.0,
            sqnr_db=None,
            failures=("a",),
        ),
    )
    return RuntimeOptions(
        model="m",
        device="cpu",
        artifact="int8",
        hashes={"int8.bin": "a"},
        options=Options(off, 2),
        by_hand=("threads",),
        reason="it is",
        ratio=0.9,
        ratio_error=0.01,
        images=3,
        tried=tried,
    )


def as_json(record: Any) -> bytes:
    return json.dumps(record.to_dict()).encode()


def configurations() -> list[bytes]:
    """The zoo's own, and models of other sorts."""
    own = yaml.safe_load((PROJECT / "config.yaml").read_text())
    own["models"] = dict(list(own["models"].items())[:4])
    vector = {"name": "x", "shape": [3, 8, 8], "values": "normal"}
    target = {"target": {"min_speedup": 1.5}}
    other = {
        "models": {
            "trained": {"timm": "resnet18", "weights": {"train": "photos", "recipe": {"epochs": 3}}},
            "file": {"onnx": "a.onnx", "task": "other", "inputs": [vector], "artifacts": ["fp32"]},
            "views": {"torchvision": "resnet18", "calibration": {"images": 5}, "int8": target},
        },
        "gates": {"int8": {"min_cosine": 0.9}},
    }
    return [json.dumps(each).encode() for each in (own, other)]


def typed_configurations() -> list[bytes]:
    """The same as people write them: YAML in blocks, with comments and an alias."""
    own = (PROJECT / "config.yaml").read_text().splitlines(keepends=True)
    alias = "models:\n  one: &one\n    timm: resnet18\n    preprocess: {size: [32, 32]}\n  two: *one\n"
    return ["".join(own[:40]).encode(), alias.encode()]


def read_config(path: Path) -> Zoo:
    """As rules/common.smk does: the file, what YAML says in it, the schema, then the zoo."""
    file = config_file.read(path)
    values = yaml.load(path.read_text("utf-8-sig"), yaml.CSafeLoader)
    config_file.check_values(values, [file])
    if problem := next(VALIDATOR.iter_errors(values), None):
        raise mistake(sentence(problem), [file], place_of(problem))
    with locating([file]):
        zoo = Zoo.of(values)
    for model in zoo.models.values():
        _ = model.spec_values, model.gates("int8"), model.artifacts("cpu"), model.training_demands
    return zoo


def reference(folder: Path) -> bytes:
    outputs = np.random.default_rng(1).standard_normal((3, 5)).astype(np.float32)
    Reference((outputs,), ("a", "b", "c"), np.array([1, 2, 3]), second=(outputs,)).save(
        folder / "reference.npz"
    )
    return (folder / "reference.npz").read_bytes()


def saved(statistics: CalibrationStatistics, folder: Path) -> bytes:
    statistics.save(folder / "statistics.npz")
    return (folder / "statistics.npz").read_bytes()


def read_statistics(graph: Graph) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        CalibrationStatistics.load(path).check(graph)

    return read


def inputs() -> bytes:
    file = io.BytesIO()
    np.savez(file, photo=np.ones((3, 8, 8), np.float32), vector=np.arange(6))
    return file.getvalue()


# Doing it


@dataclass(frozen=True)
class Fault:
    """kind: crash, hang, memory or exception. summary: the reader, and what happened where."""

    kind: str
    case: int
    summary: str


def case_file(chosen: list[Reader], seed: int, case: int) -> tuple[Reader, bytes]:
    reader = chosen[case % len(chosen)]
    return reader, reader.change(random.Random(f"{seed} {case} {reader.name}"), reader.samples)


def tried(reader: Reader, data: bytes, folder: Path) -> Exception | None:
    """The exception, other than the project's own, that a reader raises."""
    path = folder / f"case{reader.suffix}"
    path.write_bytes(data)
    try:
        reader.read(path)
    except ZooError:
        return None
    except Exception as error:
        return error
    return None


def again(chosen: list[Reader], seed: int, case: int, folder: Path) -> None:
    reader, data = case_file(chosen, seed, case)
    print(f"{reader.name}: {data[:2000]!r}")
    error = tried(reader, data, folder)
    if error is not None:
        traceback.print_exception(error)


def where(error: BaseException) -> str:
    """The last place in the library that an exception went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if "/scripts/zoo/" in each.filename] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "nowhere"


def work(chosen: list[Reader], seed: int, cases: range, state: Any, faults: Any, folder: Path) -> None:
    """Try these cases; state: the one that is being tried, since when, and at which CPU time."""
    warnings.simplefilter("ignore")  # numpy's, of numbers that are out of range
    limit = psutil.Process().memory_info().vms + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    own = Path(tempfile.mkdtemp(dir=folder))
    for case in cases:
        state[:] = case, time.monotonic(), time.process_time()
        reader, data = case_file(chosen, seed, case)
        error = tried(reader, data, own)
        if error is not None:
            kind = "memory" if isinstance(error, MemoryError) else "exception"
            what = f"{type(error).__name__} at {where(error)}: {str(error)[:80]}"
            faults.send(Fault(kind, case, f"{reader.name}: {what}"))
    state[0] = cases.stop


class Campaign:
    """All cases in several processes, of which those that crash or hang are started again behind the case."""

    def __init__(self, chosen: list[Reader], options: argparse.Namespace, folder: Path) -> None:
        self._chosen, self._seed, self._folder = chosen, options.seed, folder
        self._end = time.monotonic() + options.seconds
        cases = range(options.start, options.count)
        step = max(1, -(-len(cases) // options.processes))
        self._shares = [cases[at : at + step] for at in range(0, len(cases), step)]
        self._told = 0
        self._faults: list[Fault] = []

    def run(self) -> tuple[int, list[Fault]]:
        """How many cases were tried, and the faults."""
        states = [multiprocessing.RawArray("d", 3) for _ in self._shares]
        running = {
            place: self._start(place, share.start, states[place]) for place, share in enumerate(self._shares)
        }
        while running and len(self._faults) < ENOUGH:
            for place, (process, pipe) in list(running.items()):
                self._collect(pipe)
                if process.is_alive() and not self._hangs(process, states[place]):
                    continue
                process.join()
                self._collect(pipe)
                del running[place]
                case = int(states[place][0])
                if time.monotonic() < self._end and case < self._shares[place].stop:
                    self._blame(process.exitcode, case)
                    running[place] = self._start(place, case + 1, states[place])
            self._tell(states)
            time.sleep(0.02)
        for process, _ in running.values():
            process.kill()
        return self._done(states), self._faults

    def _done(self, states: list[Any]) -> int:
        return sum(int(state[0]) - share.start for state, share in zip(states, self._shares, strict=True))

    def _tell(self, states: list[Any]) -> None:
        """How far it is, now and then: that stays of a campaign that is cut short."""
        done = self._done(states)
        if done // TELL > self._told:
            self._told = done // TELL
            print(f"{done} files so far, {len(self._faults)} faults ({tally(self._faults)})", flush=True)
            for said in dict.fromkeys(fault.summary for fault in self._faults):
                print(f"  {said}", flush=True)

    def _start(self, place: int, first: int, state: Any) -> tuple[Any, Any]:
        pipe, other = multiprocessing.Pipe(duplex=False)
        state[:] = first, time.monotonic(), 0
        cases = range(first, self._shares[place].stop)
        arguments = (self._chosen, self._seed, cases, state, other, self._folder)
        process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
        process.start()
        other.close()
        return process, pipe

    def _hangs(self, process: Any, state: Any) -> bool:
        """Whether a case takes too long, of a processor or, should it wait for something, of the clock."""
        now = time.monotonic()
        if now < self._end and now - state[1] < SECONDS:
            return False
        tried = psutil.Process(process.pid)
        used = sum(tried.cpu_times()[:2]) - state[2]
        waits = now - state[1] > 12 * SECONDS and tried.status() == psutil.STATUS_SLEEPING
        if now < self._end and used < SECONDS and not waits:
            return False  # on a busy machine it may wait for a processor only
        process.kill()
        return True

    def _collect(self, pipe: Any) -> None:
        with contextlib.suppress(EOFError):
            while pipe.poll():
                self._faults.append(pipe.recv())

    def _blame(self, code: int | None, case: int) -> None:
        reader = self._chosen[case % len(self._chosen)].name
        if code == -signal.SIGKILL:
            self._faults.append(Fault("hang", case, f"{reader}: more than {SECONDS} s"))
        else:
            self._faults.append(Fault("crash", case, f"{reader}: ended with {code}"))


if __name__ == "__main__":
    main()
