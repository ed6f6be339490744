"""What the manifest is about: which files below results/ it describes, and which it leaves out.

Read each time a build starts, so the standard library is all it needs.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

from zoo.config.outputs import (
    HISTORY,
    MANIFEST,
    OUTPUTS,
    RESULTS,
    SBOM,
    SIGNATURE,
    Report,
    built,
    model_folder,
    weights_file,
    wildcards,
)
from zoo.config.zoo import PURPOSES, Zoo
from zoo.jobs.made import FOLDER as MADE
from zoo.jobs.made import OF_INPUTS, UNFINISHED
from zoo.jobs.making import FOLDER as MADE_BY
from zoo.jobs.surroundings import environment as environment

LEFT_OUT = (
    f"{MADE}/*",
    f"{MADE_BY}/*",
    f"{OF_INPUTS}/*",
    f"{UNFINISHED}*",
    f"*/{UNFINISHED}*",
    "logs/*",
    "datasets/*",
    "reference/*",
    "weights/*.training",
    "targets/*",
    "*/*/search/*",
    "*/*/calibration.npz",
    "*/*/*.passed",
    Path(HISTORY).name,
    Path(MANIFEST).name,
    Path(SIGNATURE).name,
)
"""Patterns, as the shell's, of what lies below results/ and is not described: what jobs leave for jobs, logs,
and the manifest itself. Whatever else lies there and is not described is a stranger."""


OF_REPORT = (f"{RESULTS}/evaluation.md", f"{RESULTS}/evaluation.csv")
ON_THE_WAY = ("torchscript.pt", "fp32.onnx", "fp32.param", "fp32.bin", "fp32.conversion.json")
"""What other artifacts are made of, whether it is to be built itself or not."""


def is_left_out(path: str, patterns: Iterable[str] = LEFT_OUT) -> bool:
    """Whether a path below results/ is one of those; a star stands for folders too."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Asked:
    """What a build was asked for.

    targets: files, and rules by the names that they have there. rename: tells these from our own. devices:
    those that are built for; asked only where it matters, for it takes time to look for a GPU. is_there:
    whether a file was made.
    """

    zoo: Zoo
    targets: Collection[str]
    rename: Callable[[str], str]
    devices: Callable[[], Iterable[str]]
    is_there: Callable[[str], bool] = os.path.isfile

    @property
    def models(self) -> Collection[str]:
        """The models that are built whole."""
        if self.rename("all") in self.targets:
            return self.zoo.models
        return self.zoo.embedded if self.rename("embedded") in self.targets else ()

    def files(self) -> list[str]:
        """The files that the manifest waits for: all that are there, or made in this build, but for those
        made on the way to others, so that a second build has the same. It describes these too."""
        zoo, models = self.zoo, self.models
        devices = tuple(self.devices()) if models else ()
        wanted, on_the_way = {*self.targets, SBOM}, set()
        if models:
            wanted |= {*built(zoo, models, devices), *Report(zoo, models, devices).proofs(), *OF_REPORT}
            weights = [(weights_file(zoo.models[name]), f"{RESULTS}/weights/{name}.json") for name in models]
            wanted.update(file for pair in weights for file in pair)
            folders = [model_folder(device, name) for device in devices for name in models]
            on_the_way = {f"{folder}/{name}" for folder in folders for name in ON_THE_WAY} - wanted
        there = (path for path in described(zoo) if path in wanted or self.is_there(path))
        return [path for path in there if path not in on_the_way]

    def proofs(self, device: str, model: str) -> list[str]:
        """The proofs that a model card is about: those that are there, or made in this build."""
        models = [model] if model in self.models else []
        alone = replace(self.zoo, models={model: self.zoo.models[model]})
        report = Report(alone, models, tuple(self.devices()) if models else ())
        return [path for path in report.proofs() if path.startswith(f"{RESULTS}/{device}/")]


def described(zoo: Zoo) -> Iterator[str]:
    """Every path that a manifest describes if it is there."""
    values = wildcards(zoo)
    for pattern in OUTPUTS:
        names = re.findall(r"{(\w+)}", pattern)
        if is_left_out(pattern) or "dataset" in names:
            continue
        for each in product(*(values[name] for name in names)):
            path = pattern.format(**dict(zip(names, each, strict=True)))
            if not is_left_out(path):
                yield f"{RESULTS}/{path}"


def found(root: Path, possible: str) -> list[Path]:
    """The files below a folder, sorted, that a manifest of it describes. possible: a regular expression of
    every path there that some rule makes, see `zoo.config.outputs.possible`."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    names = ((path, path.relative_to(root).as_posix()) for path in files)
    return [path for path, name in names if re.fullmatch(possible, name) and not is_left_out(name)]


def settings(zoo: Zoo) -> dict[str, Any]:
    """What holds for each model, as plain values: what config.yaml says with all defaults filled in."""
    return {
        name: {
            "spec": model.spec_values,
            **asdict(model.settings),
            **{purpose: model.choices.get(purpose, zoo.defaults.get(purpose)) for purpose in PURPOSES},
        }
        for name, model in zoo.models.items()
    }
