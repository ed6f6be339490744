"""The commands of the pages, as typed: bash runs them in a zoo of tiny models that bear the pages' names.

How blocks are marked that do not run: tests/samples/commands.py.
"""

import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import require
from samples.commands import PAGES, PROJECT, blocks, commands, spans
from samples.documented import documented_zoo, hub, own_model, type_in
from samples.workflow import Zoo, copy_project

README = PROJECT / "README.md"
OTHERS = [
    page for page in PAGES if page != README and any(block.kind in ("run", "plan") for block in blocks(page))
]
NEEDS = {"unzip": "unzip", "curl": "curl", "ssh-keygen": "openssh-client"}
BUILT = ("convnext_digits", "tf_efficientnet_lite0", "mine")
IN_CPP = {"deploy"}
"""Pages whose commands compile against ncnn."""


def pages() -> list:
    """The pages, those first that build what others use, each with the weight of what it adds to that."""
    marks = {True: pytest.mark.long(60, group="ncnn in C++"), False: pytest.mark.long(300)}
    return [pytest.param(page, id=page.stem, marks=marks[page.stem in IN_CPP]) for page in OTHERS]


@pytest.fixture(scope="module")
def programs() -> None:
    for program, package in NEEDS.items():
        require(shutil.which(program) is not None, f"{program} (Debian's package {package})")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """The zoo in which all pages but the README are typed, with what their readers have built before."""
    zoo = documented_zoo(tmp_path_factory.mktemp("documented") / "zoo")
    zoo.build(*(f"results/cpu/{model}/int8.passed" for model in BUILT))
    return zoo


@pytest.fixture(scope="module")
def environment(zoo: Zoo) -> Iterator[dict[str, str]]:
    with hub(zoo) as found:
        yield found


@pytest.mark.long(90)
def test_the_readme_takes_an_own_model_to_a_verified_bundle(programs: None, tmp_path: Path):
    zoo = documented_zoo(tmp_path / "zoo")
    entry = re.search(r"^```yaml\n(models:\n  mine:.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert entry
    own_model(zoo, entry[1])
    printed = type_in(zoo, blocks(README))
    with zipfile.ZipFile(zoo / "results/cpu/mine/best.deploy.zip") as archive:
        (labels,) = (archive.read(name) for name in archive.namelist() if name.endswith("labels.txt"))
    assert labels == (zoo / "mine.txt").read_bytes()
    for artifact in ("fp32", "fp16", "int8", "fp32.onnx", "fp16.onnx", "int8_static.onnx"):
        assert (zoo / f"results/cpu/mine/{artifact}.passed").exists()
    assert printed.count("class of ") >= 3 + 5, "predict.py and the bundle's program answer by these names"


@pytest.mark.parametrize("page", pages())
def test_a_pages_commands_run_as_typed(
    programs: None, zoo: Zoo, environment: dict[str, str], page: Path, request: pytest.FixtureRequest
):
    if page.stem in IN_CPP:
        environment = environment | {"CMAKE_PREFIX_PATH": str(request.getfixturevalue("ncnn_library"))}
    type_in(zoo, blocks(page), **environment)


@pytest.mark.long(60)
def test_every_target_in_the_pages_can_be_planned(tmp_path: Path):
    """With config.yaml as it is, and entries of the user's own under the names that pages give them."""
    zoo = copy_project(tmp_path / "zoo")
    own = {"timm": "convnext_atto", "weights": {"random": 0}}
    zoo.configure(lambda config: config["models"].update(mine=own, plants=own))
    zoo.configure(lambda config: config.update(signing={"command": "cp {manifest} {signature}"}))
    zoo.configure(lambda config: config.update(runtime={"search": True}))
    typed = {each for page in PAGES for block in blocks(page) for each in commands(block.text)}
    typed |= {each for page in PAGES for each in spans(page)}
    targets = {word for each in typed if each.startswith("snakemake ") for word in expanded(each)}
    assert {"all", "evaluate", "results/cpu/convnext_digits/int8.passed"} <= targets
    outcome = zoo.typed("--dry-run", *sorted(targets - WITHOUT_A_PLAN))
    assert outcome.status == 0 and "Exception" not in outcome.text, outcome.text


WITHOUT_A_PLAN = {"check_manifest", "check_regressions", "ours"}
"""What needs to be asked for alone, or a baseline; and a folder."""


def expanded(command: str) -> set[str]:
    """The targets of a command, its words behind Snakemake's options, as bash hands them over."""
    words = re.sub(r"--configfile \S+|--config \S+", "", command).removeprefix("snakemake ")
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {words}"], capture_output=True, text=True, check=True
    )
    return {
        word
        for word in done.stdout.split()
        if word.startswith("results/") or (word.isidentifier() and word.islower())
    }
