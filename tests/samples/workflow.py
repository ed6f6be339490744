"""A tiny zoo that real Snakemake builds: two random models of a few thousand weights, at 32 px."""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml
from PIL import Image

PROJECT = Path(__file__).resolve().parents[2]

CONFIG = {
    "devices": ["cpu"],
    "int8": {"recipe": "local"},
    "gates": {"int8": {"min_cosine": 0.5, "min_sqnr_db": 3, "min_top1_agreement": None}},
    "image_sets": {
        "photos": {"path": "photos", "crops": True},
        "others": {"path": "others", "crops": True},
    },
    "defaults": {
        "calibration": {"set": "photos", "images": 8},
        "verification": {"set": "others", "images": 4},
        "evaluation": {"set": "others", "images": 4},
    },
    "models": {
        "one": {"timm": "test_convnext", "weights": {"random": 0}, "preprocess": {"size": [32, 32]}},
        "two": {"timm": "test_resnet", "weights": {"random": 1}, "preprocess": {"size": [32, 32]}},
    },
}
BUILT = [
    "results/cpu/one/fp16.param",
    "results/cpu/one/int8.passed",
    "results/cpu/one/int8.eval.json",
    "results/cpu/one/int8.bench.json",
    "results/cpu/one/fp32.onnx.passed",
    "results/cpu/two/int8.param",
]
"""What the shared build has made; `Zoo.pending` asks about these unless told otherwise."""


@dataclass
class Outcome:
    """What a Snakemake call did: its exit status, all it printed, and the jobs it ran or would run."""

    status: int
    text: str
    jobs: set[str] = field(default_factory=set)


class Zoo:
    """A copy of the project with its own configuration, in a folder of its own."""

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self.folder, self.python = folder, python

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def configure(self, change) -> None:
        """Edit config.yaml: `change` gets the parsed configuration and modifies it."""
        config = yaml.safe_load((self / "config.yaml").read_text())
        change(config)
        (self / "config.yaml").write_text(yaml.safe_dump(config))

    def snakemake(self, *arguments: str, timeout: float = 600, **environment: str) -> Outcome:
        return self.typed("--cores", "2", *arguments, timeout=timeout, **environment)

    def typed(self, *arguments: str, timeout: float = 600, **environment: str) -> Outcome:
        """The same with these arguments only."""
        done = subprocess.run(
            [self.python, "-m", "snakemake", *arguments],
            cwd=self.folder,
            env=os.environ | {"OMP_NUM_THREADS": "2"} | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        text = done.stdout + done.stderr
        return Outcome(
            done.returncode, text, set(re.findall(r"^Job \d+(?: of \d+)?: (.*)$", text, re.MULTILINE))
        )

    def build(self, *targets: str, timeout: float = 600) -> set[str]:
        """Build targets and return the jobs that ran."""
        outcome = self.snakemake(*targets, timeout=timeout)
        assert outcome.status == 0, outcome.text
        return outcome.jobs

    def pending(self, *targets: str) -> set[str]:
        """The jobs that a build would run."""
        outcome = self.snakemake("--dry-run", *(targets or BUILT))
        assert outcome.status == 0, outcome.text
        return outcome.jobs


def copy_project(folder: Path) -> Zoo:
    """The project's code, configuration and calibration images, and nothing that was built."""
    folder.mkdir(parents=True)
    for part in ("Snakefile", "config.yaml", "requirements.txt", "rules", "scripts", "profiles", "calib"):
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    return Zoo(folder)


def make_zoo(folder: Path) -> Zoo:
    """The project's code with the tiny configuration and eight small pictures."""
    zoo = copy_project(folder)
    for name, shade in (("photos", 0), ("others", 100)):
        (zoo / name).mkdir()
        for index in range(4):
            picture(zoo / name / f"{index}.png", shade + 20 * index)
    (zoo / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return zoo


def picture(path: Path, shade: int) -> None:
    """A 48 x 48 gradient; different shades give different pictures."""
    ramp = Image.linear_gradient("L").resize((48, 48))
    Image.merge("RGB", [ramp, ramp.rotate(90), Image.new("L", (48, 48), shade)]).save(path)


def wait_for_job(zoo: Zoo, script: str) -> psutil.Process:
    """The running job of a script."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or [""]
            if command[-1].startswith(str(zoo.folder)) and command[-1].endswith(script):
                return process
        time.sleep(0.05)
    raise AssertionError(f"{script} never ran")
