"""The embedded models, built end to end as `make` builds them, and what the build must show."""

import csv
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples.deployed import Deployed, logits, top5
from samples.workflow import PROJECT, Zoo, copy_project
from zoo.measure.metrics import sqnr_db
from zoo.measure.timing import FEWEST, RUNS

pytestmark = pytest.mark.long(400, group="ncnn in C++")

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
ROWS = [
    (device, model, artifact)
    for device in ON
    for model in MODELS
    for artifact in ON[device]
    if (model, artifact) != ("tf_efficientnet_lite0", "int8_static.onnx")  # it misses its gates
]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory, vulkan: None) -> Zoo:
    """The project's own configuration, `snakemake embedded`, for cpu and gpu. One evaluation is short: that
    of tf_efficientnet_lite0, which has no labels and takes a second an image on a software GPU."""
    zoo = copy_project(tmp_path_factory.mktemp("embedded") / "zoo")
    few = {"set": "heldout", "images": 10, "seed": 1}
    zoo.configure(lambda config: config["models"]["tf_efficientnet_lite0"].update(evaluation=few))
    zoo.build("embedded", timeout=3600)
    return zoo


def record(zoo: Zoo, device: str, model: str, artifact: str, kind: str) -> dict:
    return json.loads((zoo / f"results/{device}/{model}/{artifact}.{kind}.json").read_text())


@pytest.mark.parametrize(("device", "model", "artifact"), ROWS)
def test_an_artifact_is_complete_and_within_its_gates(embedded: Zoo, device, model, artifact):
    for file in ARTIFACTS[artifact]:
        assert (embedded / f"results/{device}/{model}/{file}").stat().st_size > 0
    verify = record(embedded, device, model, artifact, "verify")
    assert verify["verdict"]["passed"], verify["verdict"]["failures"]
    least = {"fp16": 0.999, "int8": 0.99}.get(artifact.split(".")[0].split("_")[0], 0.9999)
    assert verify["numbers"]["cosine"]["min"] >= least
    assert verify["numbers"]["top1_agreement"] >= 0.97
    assert verify["numbers"]["images"] >= 100
    if artifact in ("fp16", "int8") or (device, artifact) == ("gpu", "fp32"):
        assert len(verify["divergence"]["layers"]) > 20


@pytest.mark.parametrize(("device", "model", "artifact"), ROWS)
def test_a_benchmark_tells_speed_size_memory_and_hardware(embedded: Zoo, device, model, artifact):
    bench = record(embedded, device, model, artifact, "bench")
    for latency in bench["latency"]:
        assert latency["runs"] >= (FEWEST if bench["hardware"]["software_gpu"] else RUNS)
        assert 0 < latency["p10_ms"] <= latency["median_ms"] <= latency["p90_ms"]
        assert latency["reference"]["artifact"] == "fp32" and latency["ratio"] > 0
    assert bench["latency"][0]["threads"] == 1
    files = [file for file in ARTIFACTS[artifact] if not file.endswith((".table", ".json"))]
    sizes = {file: (embedded / f"results/{device}/{model}/{file}").stat().st_size for file in files}
    assert bench["files"] == sizes and bench["bytes"] == sum(sizes.values())
    assert bench["peak_memory_bytes"] > bench["bytes"] / 2
    assert bench["hardware"]["cpu"]
    on_vulkan = device == "gpu" and bench["runtime"]["name"] == "ncnn"
    assert (bench["hardware"]["software_gpu"] is not None) == on_vulkan


@pytest.mark.parametrize(
    ("device", "artifact"), [(device, artifact) for device in ON for artifact in ON[device]]
)
def test_digits_are_told_apart_in_every_precision(embedded: Zoo, device, artifact):
    figures = record(embedded, device, "convnext_digits", artifact, "eval")
    assert figures["labelled"] and figures["images"] > 300
    assert figures["reference_top1"] >= 0.97
    assert figures["top1"] >= 0.97


def test_sizes_shrink_with_the_precision(embedded: Zoo):
    for model in MODELS:
        fp32, fp16, int8 = (
            (embedded / f"results/cpu/{model}/{precision}.bin").stat().st_size
            for precision in ("fp32", "fp16", "int8")
        )
        assert fp16 < 0.55 * fp32 and int8 < 0.4 * fp32


def test_the_report_and_the_table_have_every_row(embedded: Zoo):
    with (embedded / "results/zoo.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert {(row["device"], row["model"], row["artifact"]) for row in rows} == set(ROWS)
    assert all(row["verdict"] == "passed" for row in rows)
    page = (embedded / "results/report.html").read_text(encoding="utf-8")
    assert all(model in page for model in MODELS)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_search_found_something_better_than_absmax(embedded: Zoo, device, model):
    outcome = record(embedded, device, model, "int8", "search")
    trials = {trial["name"]: trial for trial in outcome["candidates"]}
    chosen = trials[outcome["chosen"]]
    assert chosen["sqnr_db"] > trials["plain"]["sqnr_db"] + 2
    assert chosen["bytes"] <= 1.05 * min(trial["bytes"] for trial in trials.values())
    layers = record(embedded, device, model, "int8", "sensitivity")["layers"]
    assert {layer["name"]: layer["plan"] for layer in layers} == record(
        embedded, device, model, "int8", "recipe"
    )["layers"]


def test_building_again_runs_nothing(embedded: Zoo):
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
    embedded: Zoo, ncnn_library: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Deployed]:
    """The programs of tf_efficientnet_lite0 on the CPU, by precision."""
    bundles = {
        each: f"results/cpu/tf_efficientnet_lite0/{each}.deploy.zip" for each in ("fp32", "fp16", "int8")
    }
    embedded.build(*bundles.values())
    return {
        each: Deployed(embedded / bundle, tmp_path_factory.mktemp(each), ncnn_library)
        for each, bundle in bundles.items()
    }


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


def test_a_gpu_program_never_runs_on_the_cpu_instead(
    embedded: Zoo, ncnn_library: Path, photographs: list[Path], tmp_path: Path
) -> None:
    bundle = "results/gpu/convnext_digits/int8.deploy.zip"
    embedded.build(bundle)
    deployed = Deployed(embedded / bundle, tmp_path, ncnn_library)
    assert len(top5(deployed.python(*photographs))) == len(photographs)
    with pytest.raises(AssertionError, match="this ncnn is built without Vulkan"):
        deployed.cpp(*photographs)


def test_the_readme_program_classifies_a_photograph(embedded: Zoo, tmp_path: Path):
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
    bundle = "results/cpu/tf_efficientnet_lite0/int8.deploy.zip"
    embedded.build(bundle)
    with zipfile.ZipFile(embedded / bundle) as archive:
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
