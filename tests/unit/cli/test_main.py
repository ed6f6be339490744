"""`zoo` itself: help, names of commands, completion, and that nothing heavy is loaded for them."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from samples.command import call
from zoo.cli.main import COMMANDS

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def test_help_names_every_command_and_what_it_does():
    text = " ".join(call("--help").stdout.split())
    assert all(name in text and told in text for name, (_, told) in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str):
    done = call(name, "--help")
    assert done.exit_code == 0 and done.stdout.startswith(f"Usage: zoo {name}")


def test_a_command_that_there_is_not_is_answered_with_the_nearest():
    done = call("predit")
    assert done.exit_code == 2 and "there is no command predit; did you mean predict?" in done.stderr


def test_help_loads_neither_torch_nor_numpy():
    code = (
        "import sys, zoo.cli.main as m; m.zoo(['--help'], standalone_mode=False); print(sorted(sys.modules))"
    )
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    loaded = ast.literal_eval(done.stdout.splitlines()[-1])
    assert not {"torch", "numpy", "ncnn", "onnxruntime", "yaml"} & set(loaded)


def test_the_shell_completes_commands_and_models(tmp_path: Path):
    (tmp_path / "config.yaml").write_text("models: {mobile: {timm: resnet18}, other: {timm: resnet18}}\n")

    def completed(words: str, number: int) -> list[str]:
        code = "from zoo.cli.main import zoo; zoo(prog_name='zoo')"
        asked = {"_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        environment = os.environ | {"PYTHONPATH": str(SCRIPTS)} | asked
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.split()

    assert completed("zoo st", 1) == ["plain,status"]
    assert completed("zoo build mo", 2) == ["plain,mobile"]


def test_scripts_are_these_commands():
    for _, (module, _) in COMMANDS.items():
        script = SCRIPTS / f"{module}.py"
        command = getattr(importlib.import_module(f"zoo.cli.{module}"), module)
        if script.is_file() and "zoo.cli" in script.read_text():
            done = subprocess.run(
                [sys.executable, script, "--help"], capture_output=True, text=True, check=True
            )
            assert " ".join(command.help.split()[:6]) in " ".join(done.stdout.split())
