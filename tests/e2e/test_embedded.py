"""The embedded models, built end to end as `make` builds them, and what the build must show.

`make` builds for cpu and gpu at once; here these are two builds, for two shards: both take too long for one.
"""

import csv
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples.deployed import Deployed, logits, top5
from samples.workflow import PROJECT, Zoo, copy_project
from zoo.measure.metrics import sqnr_db
from zoo.measure.timing import FEWEST, RUNS

LONG = {
    "cpu": pytest.mark.long(450, group="ncnn in C++"),
    "gpu": pytest.mark.long(480, group="the embedded models on a gpu"),
}
MODELS = ("convnext_digits", "tf_efficientnet_lite0")
ARTIFACTS = {
    "torchscript": ("torchscript.pt",),
    "fp32.onnx": ("fp32.onnx",),
    "fp32": ("fp32.param", "fp32.bin"),
    "fp16.onnx": ("fp16.onnx",),
    "int8_static.onnx": ("int8_static.onnx",),
    "fp16": ("fp16.param", "fp16.bin"),
    "int8": (
        *("int8.param", "int8.bin", "int8.table"),
        *("int8.recipe.json", "int8.search.json", "int8.sensitivity.json"),
    ),
}
ON = {"cpu": tuple(ARTIFACTS), "gpu": ("fp32", "fp16", "int8")}
"""What is built on each device: what ncnn does not run is the same file on both."""
MISSED = ("tf_efficientnet_lite0", "int8_static.onnx")
"""This one misses its gates, and is not built."""


def rows(device: str) -> list[tuple[str, str]]:
    """The models and artifacts that are built on a device."""
    return [(model, artifact) for model in MODELS for artifact in ON[device] if (model, artifact) != MISSED]


def on_each(*names: str, of=lambda device: [()]) -> pytest.MarkDecorator:
    """Run a test on what was built for each device, with each of the values that `of` gives for it."""
    cases = [pytest.param(device, *values, marks=LONG[device]) for device in ON for values in of(device)]
    return pytest.mark.parametrize(("embedded", *names), cases, indirect=["embedded"])


class Embedded(Zoo):
    """The project with its own configuration for one device, in which `snakemake embedded` has run."""

    def __init__(self, folder: Path, device: str) -> None:
        super().__init__(folder)
        self.device = device

    def record(self, model: str, artifact: str, kind: str) -> dict:
        return json.loads((self / f"results/{self.device}/{model}/{artifact}.{kind}.json").read_text())


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory, vulkan: None) -> Callable[[str], Embedded]:
    """What is built for a device, once. One evaluation is short: that of tf_efficientnet_lite0, which has no
    labels and takes a second an image on a software GPU."""

    @cache
    def built(device: str) -> Embedded:
        zoo = Embedded(copy_project(tmp_path_factory.mktemp(f"embedded-{device}") / "zoo").folder, device)
        few = {"set": "heldout", "images": 10, "seed": 1}
        zoo.configure(lambda config: config["models"]["tf_efficientnet_lite0"].update(evaluation=few))
        zoo.configure(lambda config: config.update(devices=[device]))
        zoo.build("embedded", timeout=3600)
        return zoo

    return built


@pytest.fixture
def embedded(request: pytest.FixtureRequest, build: Callable[[str], Embedded]) -> Embedded:
    """What is built for the device that the test names with `on_each`."""
    return build(request.param)


@on_each("model", "artifact", of=rows)
def test_an_artifact_is_complete_and_within_its_gates(embedded: Embedded, model, artifact):
    for file in ARTIFACTS[artifact]:
        assert (embedded / f"results/{embedded.device}/{model}/{file}").stat().st_size > 0
    verify = embedded.record(model, artifact, "verify")
    assert verify["verdict"]["passed"], verify["verdict"]["failures"]
    least = {"fp16": 0.999, "int8": 0.99}.get(artifact.split(".")[0].split("_")[0], 0.9999)
    assert verify["numbers"]["cosine"]["min"] >= least
    assert verify["numbers"]["top1_agreement"] >= 0.97
    assert verify["numbers"]["images"] >= 100
    if artifact in ("fp16", "int8") or (embedded.device, artifact) == ("gpu", "fp32"):
        assert len(verify["divergence"]["layers"]) > 20


@on_each("model", "artifact", of=rows)
def test_a_benchmark_tells_speed_size_memory_and_hardware(embedded: Embedded, model, artifact):
    bench = embedded.record(model, artifact, "bench")
    for latency in bench["latency"]:
        assert latency["runs"] >= (FEWEST if bench["hardware"]["software_gpu"] else RUNS)
        assert 0 < latency["p10_ms"] <= latency["median_ms"] <= latency["p90_ms"]
        assert latency["reference"]["artifact"] == "fp32" and latency["ratio"] > 0
    assert bench["latency"][0]["threads"] == 1
    files = [file for file in ARTIFACTS[artifact] if not file.endswith((".table", ".json"))]
    sizes = {file: (embedded / f"results/{embedded.device}/{model}/{file}").stat().st_size for file in files}
    assert bench["files"] == sizes and bench["bytes"] == sum(sizes.values())
    assert bench["peak_memory_bytes"] > bench["bytes"] / 2
    assert bench["hardware"]["cpu"]
    on_vulkan = embedded.device == "gpu" and bench["runtime"]["name"] == "ncnn"
    assert (bench["hardware"]["software_gpu"] is not None) == on_vulkan


@on_each("artifact", of=lambda device: [(artifact,) for artifact in ON[device]])
def test_digits_are_told_apart_in_every_precision(embedded: Embedded, artifact):
    figures = embedded.record("convnext_digits", artifact, "eval")
    assert figures["labelled"] and figures["images"] > 300
    assert figures["reference_top1"] >= 0.97
    assert figures["top1"] >= 0.97


@on_each()
def test_sizes_shrink_with_the_precision(embedded: Embedded):
    for model in MODELS:
        fp32, fp16, int8 = (
            (embedded / f"results/{embedded.device}/{model}/{precision}.bin").stat().st_size
            for precision in ("fp32", "fp16", "int8")
        )
        assert fp16 < 0.55 * fp32 and int8 < 0.4 * fp32


@on_each()
def test_the_report_and_the_table_have_every_row(embedded: Embedded):
    with (embedded / "results/zoo.csv").open(encoding="utf-8") as handle:
        table = list(csv.DictReader(handle))
    assert {(row["model"], row["artifact"]) for row in table} == set(rows(embedded.device))
    assert all(row["device"] == embedded.device and row["verdict"] == "passed" for row in table)
    page = (embedded / "results/report.html").read_text(encoding="utf-8")
    assert all(model in page for model in MODELS)


@on_each("model", of=lambda device: [(model,) for model in MODELS])
def test_the_search_found_something_better_than_absmax(embedded: Embedded, model):
    outcome = embedded.record(model, "int8", "search")
    trials = {trial["name"]: trial for trial in outcome["candidates"]}
    chosen = trials[outcome["chosen"]]
    assert chosen["sqnr_db"] > trials["plain"]["sqnr_db"] + 2
    assert chosen["bytes"] <= 1.05 * min(trial["bytes"] for trial in trials.values())
    layers = embedded.record(model, "int8", "sensitivity")["layers"]
    assert {layer["name"]: layer["plan"] for layer in layers} == embedded.record(model, "int8", "recipe")[
        "layers"
    ]


@on_each()
def test_building_again_runs_nothing(embedded: Embedded):
    assert embedded.pending("embedded") == set()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photographs as PNG, which every decoder reads alike."""
    folder = tmp_path_factory.mktemp("photographs")
    for path in (PROJECT / "calib/natural").glob("*.jpg"):
        Image.open(path).convert("RGB").save(folder / f"{path.stem}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def deployed(
    build: Callable[[str], Embedded], ncnn_library: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Deployed]:
    """The programs of tf_efficientnet_lite0 on the CPU, by precision."""
    bundles = {
        each: f"results/cpu/tf_efficientnet_lite0/{each}.deploy.zip" for each in ("fp32", "fp16", "int8")
    }
    zoo = build("cpu")
    zoo.build(*bundles.values())
    return {
        each: Deployed(zoo / bundle, tmp_path_factory.mktemp(each), ncnn_library)
        for each, bundle in bundles.items()
    }


@LONG["cpu"]
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_deployed_programs_agree(
    deployed: dict[str, Deployed], photographs: list[Path], precision: str
) -> None:
    programs = deployed[precision]
    ours, twin = (logits(run("--logits", *photographs)) for run in (programs.cpp, programs.python))
    assert ours.shape == (len(photographs), 1000)
    np.testing.assert_allclose(ours, twin, rtol=0, atol=1e-3)
    classes = top5(programs.cpp(*photographs))
    assert classes == top5(programs.python(*photographs))
    assert "cat" in classes[[path.stem for path in photographs].index("cat")][0]


@LONG["cpu"]
def test_the_deployed_int8_programs_are_equally_good(
    deployed: dict[str, Deployed], photographs: list[Path]
) -> None:
    """A value between two steps is rounded by its last bits, in which two builds of ncnn may differ, and what
    follows differs too: at worst they are two approximations whose errors have nothing in common, 3 dB."""
    fp32 = logits(deployed["fp32"].python("--logits", *photographs))
    programs = deployed["int8"]
    ours, twin = (logits(run("--logits", *photographs)) for run in (programs.cpp, programs.python))
    assert sqnr_db(fp32, ours) == pytest.approx(sqnr_db(fp32, twin), abs=0.5)
    assert sqnr_db(twin, ours) > sqnr_db(fp32, twin) - 3
    sure = np.diff(np.sort(twin, axis=1)[:, -2:])[:, 0] > 2 * np.abs(ours - twin).max()
    assert sure.sum() > len(photographs) / 2
    first = [[classes[0] for classes in top5(run(*photographs))] for run in (programs.cpp, programs.python)]
    np.testing.assert_array_equal(*(np.array(each)[sure] for each in first))


@LONG["cpu"]
def test_the_program_in_the_pages_classifies_a_photograph(build: Callable[[str], Embedded], tmp_path: Path):
    page = (PROJECT / "docs/deploy.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    bundle = "results/cpu/tf_efficientnet_lite0/int8.deploy.zip"
    zoo = build("cpu")
    zoo.build(bundle)
    with zipfile.ZipFile(zoo / bundle) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program, PROJECT / "calib/natural/cat.jpg"],
        cwd=tmp_path / "tf_efficientnet_lite0-cpu-int8",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "cat" in done.stdout.splitlines()[1]
