"""The zoo that the pages speak of, with tiny models under the same names, to type their commands in."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file

from samples.commands import Block, commands
from samples.hub_server import Repository, serve
from samples.onnx import timm_model
from samples.workflow import CONFIG, PROJECT, Zoo, copy_project, picture

TINY = {"timm": "test_convnext", "preprocess": {"size": [32, 32]}}
OF_THE_HUB = "zoo/tiny"
BEARABLE = {"min_cosine": 0.5, "min_sqnr_db": 3, "min_top1_agreement": None, "max_db_below_search": None}
"""Gates for random weights, on images of 32 px: what they come to is no matter of the pages."""
PHOTO = PROJECT / "calib/heldout/koala.jpg"
SERVES = re.compile(r"^(python scripts/serve\.py|zoo serve) ")


def documented_zoo(folder: Path) -> Zoo:
    """A copy of the project whose declared models are tiny, with what a reader has at hand: photographs, an
    ONNX file, an environment. Models that config.yaml takes from the hub come from one on loopback."""
    zoo = copy_project(folder)
    for part in ("profiles", "benchmarks", "tests", "Makefile", "pyproject.toml"):
        if not (zoo / part).exists():
            (zoo / part).symlink_to(PROJECT / part)
    (zoo / ".venv").symlink_to(sys.prefix)
    zoo.configure(_with_tiny_models)
    for name in ("photo.jpg", "a.jpg", "b.jpg"):
        shutil.copy(PHOTO, zoo / name)
    _install_zoo(zoo)
    onnx.save(timm_model("test_convnext", zoo.folder), zoo / "model.onnx")
    return zoo


def _install_zoo(zoo: Zoo) -> None:
    """The command `zoo` of this copy, as pip would put it into the environment."""
    command = programs_of(zoo) / "zoo"
    command.parent.mkdir()
    lines = (
        f"import sys; sys.path.insert(0, {str(zoo / 'scripts')!r})",
        "from zoo.cli.main import main",
        "if __name__ == '__main__': main()",
    )
    command.write_text("\n".join([f"#!{sys.executable}", *lines, ""]))
    command.chmod(0o755)


def programs_of(zoo: Zoo) -> Path:
    return zoo.folder.parent / "bin"


def _with_tiny_models(config: dict) -> None:
    names = config["models"]
    embedded = [name for name, entry in names.items() if set(entry.get("weights", {})) & {"train", "package"}]
    config["models"] = {"mine": TINY | {"weights": {"random": 1}}} | {
        name: TINY | {"weights": {"random": 0} if name in embedded else {"hub": OF_THE_HUB}} for name in names
    }
    config |= {key: CONFIG[key] for key in ("devices", "int8")}
    config["gates"] = dict.fromkeys(("fp16", "bf16", "w8", "w6", "w4", "int8"), BEARABLE)
    for purpose, images in (("calibration", 8), ("verification", 4), ("evaluation", 4)):
        config["defaults"][purpose]["images"] = images


def own_model(zoo: Zoo, entry: str) -> None:
    """What a user of the README has: a checkpoint as Lightning writes it, ten names, photographs, and the
    README's entry, for a smaller architecture."""
    import timm

    zoo.configure(lambda config: config["models"].pop("mine"))
    torch.manual_seed(0)
    state = timm.create_model("test_convnext", num_classes=10).state_dict()
    hyper = {"epoch": 3, "global_step": 120, "pytorch-lightning_version": "2.5.0", "optimizer_states": []}
    torch.save(
        hyper | {"state_dict": {f"model.{key}": value for key, value in state.items()}}, zoo / "mine.ckpt"
    )
    (zoo / "mine.txt").write_text("".join(f"class of {number}\n" for number in range(10)))
    (zoo / "photographs").mkdir()
    for number in range(12):
        picture(zoo / f"photographs/{number}.png", 20 * number)
    text = entry.replace("timm: convnext_atto", "timm: test_convnext")
    assert text != entry
    (zoo / "mine.yaml").write_text(f"{text}    preprocess: {{size: [32, 32]}}\n")


@contextmanager
def hub(zoo: Zoo) -> Iterator[dict[str, str]]:
    """A hub that has the tiny weights; the environment in which it is found."""
    import timm

    torch.manual_seed(1)
    weights = zoo.folder.parent / "tiny.safetensors"
    save_file(timm.create_model("test_convnext").state_dict(), weights)
    with serve() as hub:
        hub.repositories[OF_THE_HUB] = Repository({"model.safetensors": weights.read_bytes()})
        yield {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(zoo / "cache"), "NO_PROXY": "*"}


def script(blocks: list[Block]) -> str:
    """The blocks of a page as one program for bash, without those that are not run; those to plan get -n.

    A service runs beside the commands that follow it, and ends with its block.
    """
    lines = ["set -e"]
    for block in blocks:
        if block.kind in ("in", "none"):
            continue
        lines.append(f"echo '== {block}'")
        serving = False
        for command in commands(block.text):
            if block.kind == "plan":
                command = re.sub(r"^snakemake ", "snakemake -n ", command)
            if SERVES.match(command):
                command, serving = f"{command} & server=$!\nlistening", True
            lines.append(command)
        lines += ["kill $server", "wait $server || true"] * serving
    return "\n".join(lines) + "\n"


LISTENING = """\
listening() {
    for wait in $(seq 600); do
        if curl --silent --fail localhost:8000/health >/dev/null; then return; fi
        kill -0 $server && sleep 0.2
    done
    false
}
"""
"""Until the service answers, or has ended."""


def type_in(zoo: Zoo, blocks: list[Block], timeout: float = 900, **environment: str) -> str:
    """Run a page's blocks in the zoo as a reader would; what they print, standard error included."""
    path = os.pathsep.join([str(programs_of(zoo)), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", LISTENING + script(blocks)],
        cwd=zoo.folder,
        env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "2"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    (zoo.folder.parent / "typed.log").write_text(done.stdout)
    assert done.returncode == 0, done.stdout
    return done.stdout
