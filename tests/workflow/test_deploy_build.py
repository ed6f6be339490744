"""The deploy bundle, by real Snakemake, and its programs, built against ncnn as a user builds them."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples.deployed import Deployed, logits, top5
from samples.workflow import Zoo

pytestmark = pytest.mark.long(220, group="ncnn in C++")

BUNDLES = {
    precision: f"results/cpu/one/{precision}.deploy.zip"
    for precision in ("fp32", "fp16", "bf16", "w8", "int8")
}


@pytest.fixture(scope="module")
def bundled(built_zoo: Zoo, tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """The tiny zoo with the bundles of model `one`. Tests must not change it."""
    zoo = Zoo(shutil.copytree(built_zoo.folder, tmp_path_factory.mktemp("bundled") / "zoo", symlinks=True))
    assert "deploy cpu/one/int8" in zoo.build(*BUNDLES.values())
    return zoo


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Images of several shapes without loss, so that every decoder gives the same pixels."""
    folder, random = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    for width, height in ((48, 48), (70, 33), (33, 70), (200, 320)):
        small = Image.fromarray(random.integers(0, 256, (6, 6, 3), np.uint8))
        small.resize((width, height)).save(folder / f"{width} x {height}.png")
    return sorted(folder.iterdir())


def test_a_bundle_follows_its_artifact_and_comes_out_the_same(bundled: Zoo, tmp_path: Path) -> None:
    zoo = Zoo(shutil.copytree(bundled.folder, tmp_path / "zoo", symlinks=True))
    assert zoo.pending(*BUNDLES.values()) == set()
    first = (zoo / BUNDLES["int8"]).read_bytes()
    (zoo / BUNDLES["int8"]).unlink()
    assert zoo.build(BUNDLES["int8"]) == {"deploy cpu/one/int8"}
    assert (zoo / BUNDLES["int8"]).read_bytes() == first
    with zipfile.ZipFile(zoo / BUNDLES["int8"]) as archive:
        held = archive.read("one-cpu-int8/int8.bin")
    assert held == (zoo / "results/cpu/one/int8.bin").read_bytes()
    template = zoo / "scripts/zoo/deploy/predict.py.j2"
    template.write_text(template.read_text() + "# edited\n")
    assert zoo.pending(BUNDLES["int8"]) == {"deploy cpu/one/int8"}


def test_what_failed_verification_is_not_bundled(bundled: Zoo, tmp_path: Path) -> None:
    zoo = Zoo(shutil.copytree(bundled.folder, tmp_path / "zoo", symlinks=True))
    (zoo / BUNDLES["int8"]).unlink()
    zoo.configure(lambda config: config["gates"]["int8"].update(min_sqnr_db=150))
    outcome = zoo.snakemake(BUNDLES["int8"])
    assert outcome.status != 0 and "error: cpu/one/int8 failed verification" in outcome.text
    assert not (zoo / BUNDLES["int8"]).exists()


def test_other_artifacts_have_no_bundle(built_zoo: Zoo) -> None:
    outcome = built_zoo.snakemake("results/cpu/one/torchscript.deploy.zip")
    assert outcome.status != 0
    assert "<deployable>.deploy.zip" in outcome.text and "<deployable> is one of fp32, " in outcome.text


@pytest.mark.parametrize("precision", BUNDLES)
def test_both_programs_give_the_same_classes_and_logits(
    bundled: Zoo, ncnn_library: Path, photographs: list[Path], tmp_path: Path, precision: str
) -> None:
    deployed = Deployed(bundled / BUNDLES[precision], tmp_path, ncnn_library)
    ours, twin = (logits(run("--logits", *photographs)) for run in (deployed.cpp, deployed.python))
    assert ours.shape == twin.shape == (len(photographs), 1000)
    np.testing.assert_allclose(ours, twin, rtol=0, atol=1e-3)
    assert top5(deployed.cpp(*photographs)) == top5(deployed.python(*photographs))
    with pytest.raises(AssertionError, match="cannot be read as an image"):
        deployed.cpp(tmp_path / "gone.png")
    (deployed.folder / f"{precision}.param").unlink()
    with pytest.raises(AssertionError, match=f"{precision}.param does not load"):
        deployed.cpp(*photographs)


def test_a_gpu_program_never_runs_on_the_cpu_instead(
    bundled: Zoo, ncnn_library: Path, photographs: list[Path], tmp_path: Path, vulkan: None
) -> None:
    zoo = Zoo(shutil.copytree(bundled.folder, tmp_path / "zoo", symlinks=True))
    bundle = "results/gpu/one/fp16.deploy.zip"
    zoo.build(bundle)
    deployed = Deployed(zoo / bundle, tmp_path / "deployed", ncnn_library)
    assert len(top5(deployed.python(*photographs))) == len(photographs)
    with pytest.raises(AssertionError, match="this ncnn is built without Vulkan"):
        deployed.cpp(*photographs)
