"""A bundle's program, compiled for a target by its CMakeLists.txt, and run on emulated processors."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples.agents import LAYERS
from samples.deployed import logits, top5
from samples.workflow import PROJECT, Zoo
from zoo.config.records.card import ModelCard
from zoo.config.records.program import Program
from zoo.config.targets import Target
from zoo.deploy.compiled import compile_program
from zoo.images.preprocess import prepare
from zoo.jobs.files import sha256
from zoo.runners import open_on_target
from zoo.targets.carriers import EMULATORS, Emulated, emulation

FOLDER = "results/a76/one"
BUNDLES = {name: f"{FOLDER}/{name}.deploy.zip" for name in ("int8", "fp16", "fp32")}
PROCESSORS = ("cortex-a76", "cortex-a53")
TAKES_LONG = pytest.mark.long(110, group="agent")


def declare(config: dict) -> None:
    config["targets"] = {"a76": {"emulate": "cortex-a76", "samples": 2}}
    config["agent_layers"] = list(LAYERS)


@TAKES_LONG
def test_a_program_follows_the_bundle_of_its_target(zoo: Zoo) -> None:
    zoo.configure(declare)
    jobs = zoo.pending(f"{FOLDER}/best.program", f"{FOLDER}/fp32.program.json")
    assert {f"program a76/one/{each}" for each in ("best", "fp32")} < jobs
    assert {f"deploy a76/one/{each}" for each in ("best", "fp32")} < jobs
    outcome = zoo.snakemake("--dry-run", "results/cpu/one/fp32.program")
    assert outcome.status != 0 and "'fp32.program' is not an artifact; did you mean" in outcome.text


@dataclass(frozen=True)
class Compiled:
    """A bundle's files in a folder with its program, and what is on record of that."""

    folder: Path
    record: Program

    def printed(self, cpu: str, *arguments: str | Path) -> str:
        emulated = isinstance(emulation(cpu), Emulated)
        command = [
            *([EMULATORS["aarch64"], "-cpu", cpu] if emulated else []),
            self.folder / "classify",
            *arguments,
        ]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def bundled(built_zoo: Zoo, arm_agent: Path, tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    zoo = Zoo(shutil.copytree(built_zoo.folder, tmp_path_factory.mktemp("bundled") / "zoo", symlinks=True))
    zoo.configure(declare)
    zoo.build(*BUNDLES.values())
    return zoo


@pytest.fixture(scope="module")
def compiled(bundled: Zoo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Compiled]:
    """The programs of all bundles: ncnn, of whose layer types they need the same, is compiled once."""
    scratch, programs = tmp_path_factory.mktemp("scratch"), {}
    for name, bundle in BUNDLES.items():
        program = tmp_path_factory.mktemp(name) / "classify"
        record = compile_program(
            bundled / bundle, "aarch64", PROJECT / "requirements.txt", scratch, program, os.cpu_count() or 1
        )
        with zipfile.ZipFile(bundled / bundle) as archive:
            archive.extractall(program.parent)
        folder = program.parent / f"one-a76-{name}"
        programs[name] = Compiled(folder, record)
        program.rename(folder / program.name)
    return programs


@TAKES_LONG
def test_its_size_and_its_layer_types_are_on_record(bundled: Zoo, compiled: dict[str, Compiled]) -> None:
    for name, each in compiled.items():
        program, record = each.folder / "classify", each.record
        assert (record.model, record.device, record.artifact) == ("one", "a76", name)
        assert (record.bytes, record.sha256) == (program.stat().st_size, sha256(program))
        assert record.bundle == sha256(bundled / BUNDLES[name])
        assert "Convolution" in record.layer_types and "LSTM" not in record.layer_types
        assert len(record.layer_types) < 40 and record.bytes < 8e6
        head = program.read_bytes()[:20]
        assert head[:4] == b"\x7fELF" and head[18] == 183, "it is a program for 64-bit ARM"
        assert b"/lib/ld-linux-aarch64" not in program.read_bytes(), "and needs no library there"


@TAKES_LONG
@pytest.mark.parametrize("cpu", PROCESSORS)
@pytest.mark.parametrize("artifact", BUNDLES)
def test_a_program_answers_as_the_agent_does(
    bundled: Zoo, compiled: dict[str, Compiled], arm_agent: Path, tmp_path: Path, cpu: str, artifact: str
) -> None:
    random, record = np.random.default_rng(0), ModelCard.read(bundled / "results/weights/one.json").preprocess
    files = [bundled / FOLDER / f"{artifact}.{end}" for end in ("param", "bin")]
    agent = open_on_target(files, Target("it", cpu, agent=str(arm_agent)), 1, artifact)
    paths, expected = [], []
    for width, height in ((48, 48), (70, 33), (120, 200)):
        small = Image.fromarray(random.integers(0, 256, (6, 6, 3), np.uint8))
        paths.append(tmp_path / f"{width}x{height}.png")
        small.resize((width, height)).save(paths[-1])
        expected.append(agent.run((prepare(Image.open(paths[-1]), record),))[0])
    program = compiled[artifact]
    got = logits(program.printed(cpu, "--logits", "--threads", "1", *paths))
    np.testing.assert_allclose(got, np.array(expected), rtol=0, atol=1e-3)
    best = [[line.split()[0] for line in lines] for lines in top5(program.printed(cpu, *paths))]
    assert best == [[str(index) for index in np.argsort(-values)[:5]] for values in np.array(expected)]


STAND_INS = {
    "snakemake": 'echo "$@" > "$ASKED" && cp "$PROGRAM" results/a76/one/int8.program',
    "unzip": f'exec {sys.executable} -m zipfile -e "$1" .',
    "scp": 'cp -r "$2" "$BOARD"',
    "ssh": 'cd "$BOARD" && exec sh -c "$(echo "$2" | sed "s#[.]/classify#$RUN ./classify#")"',
    "adb": """\
what=$1 && shift
case $what in
push) mkdir -p "$BOARD$2" && cp -r "$1" "$BOARD$2" ;;
shell) exec sh -c "$(echo "$1" | sed "s#/data#$BOARD/data#g; s#[.]/classify#$RUN ./classify#")" ;;
esac""",
}
"""In the place of programs that build, or that reach a board or a phone: these work on the folder $BOARD."""


@TAKES_LONG
@pytest.mark.parametrize("page", ["raspberry-pi", "android"])
def test_a_pages_commands_run_as_typed(
    bundled: Zoo, compiled: dict[str, Compiled], tmp_path: Path, page: str
) -> None:
    text = (PROJECT / f"docs/{page}.md").read_text(encoding="utf-8").replace("tf_efficientnet_lite0", "one")
    commands = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    native = (
        {}
        if isinstance(emulation("cortex-a76"), Emulated)
        else {EMULATORS["aarch64"]: 'shift 2 && exec "$@"'}
    )
    for name, script in (STAND_INS | native).items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    (tmp_path / "board").mkdir()
    shutil.copytree(bundled / FOLDER, tmp_path / "zoo" / FOLDER)
    shutil.copytree(PROJECT / "calib/heldout", tmp_path / "zoo/calib/heldout")
    folder = compiled["int8"].folder
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "ASKED": str(tmp_path / "asked"),
        "PROGRAM": str(folder / "classify"),
        "BOARD": str(tmp_path / "board"),
        "RUN": f"{EMULATORS['aarch64']} -cpu cortex-a76",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=tmp_path / "zoo",
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    asked = (tmp_path / "asked").read_text().split()
    assert "program a76/one/int8" in bundled.pending(*asked)
    shutil.copy(PROJECT / "calib/heldout/koala.jpg", folder / "photo.jpg")
    answer = compiled["int8"].printed("cortex-a76", "photo.jpg")
    assert done.stdout.count(answer) == (2 if page == "raspberry-pi" else 1), done.stdout
