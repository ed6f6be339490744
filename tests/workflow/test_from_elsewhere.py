"""ncnn-zoo used from another folder: as a module of somebody's workflow, and by `-s` and `--directory`."""

import re
import shutil
import site
import venv
from pathlib import Path

import pytest
import yaml

from samples.workflow import CONFIG, PROJECT, Zoo, copy_project, make_zoo

OURS = ("quiet", "resources", "__use_yte__", "__definitions__", "?if ours")
"""Of the settings of the profile, those that no other workflow needs."""
SNAKEFILE = """configfile: "config.yaml"

module ncnn_zoo:
    snakefile: "{}/Snakefile"
use rule * from ncnn_zoo
"""
OF_A_PART = """configfile: "whole.yaml"

module ncnn_zoo:
    snakefile: "{}/Snakefile"
    config: config["zoo"]

use rule * from ncnn_zoo as zoo_*

rule mine:
    input: "results/cpu/one/fp32.param"
    output: "results/mine.txt"
    shell: "cp {{input}} {{output}}"
"""
SHIPPED = {
    "image_sets": {
        "natural": {"path": "calib/natural", "crops": True},
        "heldout": {"path": "calib/heldout", "crops": True},
    },
    "defaults": {
        "calibration": {"set": "natural", "images": 8},
        "verification": {"set": "heldout", "images": 4},
        "evaluation": {"set": "heldout", "images": 4},
    },
}
pytestmark = pytest.mark.long(70)

BUILT = "results/cpu/one/w8.passed"
DOCS = (PROJECT / "docs/elsewhere.md").read_text(encoding="utf-8")


def tree(folder: Path) -> set[Path]:
    return {file for file in folder.rglob("*") if "__pycache__" not in file.parts}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ncnn-zoo that nobody builds in."""
    return copy_project(tmp_path_factory.mktemp("library") / "ncnn-zoo").folder


def users_zoo(folder: Path) -> Zoo:
    """A folder with a tiny zoo's configuration, of the images that ship, and nothing else."""
    folder.mkdir()
    zoo = Zoo(folder)
    (zoo / "config.yaml").write_text(yaml.safe_dump(CONFIG | SHIPPED))
    return zoo


@pytest.fixture(scope="module")
def built_elsewhere(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """Such a folder with a Snakefile of five lines, without a profile, in which an artifact was built."""
    zoo = users_zoo(tmp_path_factory.mktemp("elsewhere") / "zoo")
    (zoo / "Snakefile").write_text(SNAKEFILE.format(library))
    before = tree(library)
    zoo.build(BUILT)
    assert tree(library) == before, "results land in the user's folder"
    return zoo


@pytest.fixture
def elsewhere(built_elsewhere: Zoo, tmp_path: Path) -> Zoo:
    shutil.copytree(built_elsewhere.folder, tmp_path / "zoo", copy_function=shutil.copy2)
    return Zoo(tmp_path / "zoo")


def test_five_lines_build_an_artifact_of_the_images_that_ship(built_elsewhere: Zoo):
    assert len(SNAKEFILE.splitlines()) == 5
    assert (built_elsewhere / BUILT).exists()
    assert (built_elsewhere / "results/logs/w8/cpu/one.log").exists()
    assert built_elsewhere.pending(BUILT) == set()


def test_the_same_folder_is_built_by_s_and_directory(built_elsewhere: Zoo, library: Path, tmp_path: Path):
    named = ("-s", str(library / "Snakefile"), "--directory", str(built_elsewhere.folder), "--dry-run")
    assert Zoo(tmp_path).snakemake(*named, BUILT).jobs == set()
    jobs = Zoo(tmp_path).snakemake(*named, "results/cpu/one/fp16.passed").jobs
    assert jobs == {"ncnn fp16 cpu/one", "verify cpu/one/fp16", "gate cpu/one/fp16"}


def test_without_a_profile_exactly_what_a_change_concerns_is_built(elsewhere: Zoo):
    elsewhere.configure(lambda config: config["gates"].update(w8={"min_cosine": 0.4}))
    assert elsewhere.pending(BUILT) == {"verify cpu/one/w8", "gate cpu/one/w8"}


def test_images_of_the_users_own_take_the_place_of_those_that_ship(elsewhere: Zoo, library: Path):
    shutil.copytree(library / "calib/natural", elsewhere / "calib/natural")
    (elsewhere / "calib/natural/cat.jpg").unlink()
    pending = elsewhere.pending(BUILT)
    assert "calibrate cpu/one" in pending and "reference one (verification images)" not in pending


def test_a_part_of_the_configuration_may_be_the_zoos_and_rules_renamed(elsewhere: Zoo, library: Path):
    config = yaml.safe_load((elsewhere / "config.yaml").read_text())
    hub = {"hub": {"timm": "resnet18.a1_in1k", "artifacts": ["fp32"]}}
    config["models"] = {"one": config["models"]["one"] | {"artifacts": ["fp32"]}} | hub
    (elsewhere / "whole.yaml").write_text(yaml.safe_dump({"zoo": config, "own": 1}))
    (elsewhere / "config.yaml").write_text("none of ncnn-zoo's: true\n")
    (elsewhere / "Snakefile").write_text(OF_A_PART.format(library))
    elsewhere.build("mine")
    assert (elsewhere / "results/mine.txt").exists()
    everything = elsewhere.pending("zoo_all")
    assert {"weights hub", "benchmark cpu/hub/fp32", "benchmark cpu/one/fp32", "report"} < everything
    embedded = elsewhere.pending("zoo_embedded")
    assert "benchmark cpu/one/fp32" in embedded and "weights hub" not in embedded
    outcome = elsewhere.snakemake("--dry-run", "results/cpu/three/int8.param")
    assert "'three' is no model of config.yaml; declared are: hub, one" in outcome.text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("devices: [cpu]", "config.yaml: models is missing"),
        (
            "models: {}\nmodels: {one: {}}",
            "models stands there twice, and the first would be lost; merge the two (config.yaml, lines",
        ),
        ("models: {one: {timm: x}}\nopset: 99", "(config.yaml, line 2, column 1)"),
        ("models: {one: {}}", "models: one: give one of timm, torchvision, "),
        (
            "models: {one: {timm: test_convnext}}",
            "models: one: no calibration images are chosen; ",
        ),
        (
            "models: {one: {timm: test_convnext, calibration: {set: natural}}}",
            "models: one: calibration: no image set is called natural; declared are: none",
        ),
    ],
)
def test_what_a_configuration_lacks_is_a_sentence(library: Path, tmp_path: Path, text: str, sentence: str):
    zoo = Zoo(tmp_path)
    (zoo / "Snakefile").write_text(SNAKEFILE.format(library))
    (zoo / "config.yaml").write_text(text)
    outcome = zoo.snakemake("--dry-run", "results/cpu/one/int8.param")
    assert outcome.status != 0
    assert sentence in outcome.text and "schema" not in outcome.text


def test_what_the_docs_say_to_copy_works(elsewhere: Zoo):
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    configuration, profile = map(yaml.safe_load, blocks)
    ours = yaml.safe_load((PROJECT / "profiles/default/config.yaml").read_text())
    assert profile == {key: value for key, value in ours.items() if key not in OURS}
    (elsewhere / "profiles/default").mkdir(parents=True)
    (elsewhere / "profiles/default/config.yaml").write_text(yaml.safe_dump(profile))
    assert elsewhere.pending(BUILT) == set()
    (elsewhere / "config.yaml").write_text(yaml.safe_dump(configuration | {"devices": ["cpu"]}))
    assert "int8 cpu/mine" in elsewhere.pending("results/cpu/mine/int8.param")
    (snakefile,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert snakefile.split() == SNAKEFILE.format("/opt/ncnn_zoo").partition("\n\n")[2].split()


def test_the_zoo_and_its_environment_may_lie_in_a_folder_of_any_name(tmp_path: Path):
    zoo = make_zoo(tmp_path / "My Zoo's #1, 100 % é")
    venv.create(zoo / ".venv", symlinks=True)
    (packages,) = (zoo / ".venv").glob("lib/*/site-packages")
    (packages / "own.pth").write_text("\n".join(site.getsitepackages()))
    zoo.python = str(zoo / ".venv/bin/python")
    zoo.build("results/reference/one/verification.npz")
    assert (zoo / "results/weights/one.json").exists()
