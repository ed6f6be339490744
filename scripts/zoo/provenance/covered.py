"""What the manifest is about: which files below results/ it describes, and which it leaves out.

Read each time a build starts, so the standard library is all it needs.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from fnmatch import translate
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from zoo.config.asked import Asked, shipped
from zoo.config.outputs.built import built
from zoo.config.outputs.paths import HISTORY, MANIFEST, RESULTS, SBOM, SIGNATURE, model_folder, weights_file
from zoo.config.outputs.patterns import OUTPUTS, wildcards
from zoo.config.outputs.report import Report
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
    "site/*",
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
the site, which is made of what is described, and the manifest itself. Whatever else lies there and is not
described is a stranger."""


OF_REPORT = (f"{RESULTS}/evaluation.md", f"{RESULTS}/evaluation.csv")
ON_THE_WAY = ("torchscript.pt", "fp32.onnx", "fp32.param", "fp32.bin", "fp32.conversion.json")
"""What other artifacts are made of, whether it is to be built itself or not."""


def is_left_out(path: str, patterns: Iterable[str] = LEFT_OUT) -> bool:
    """Whether a path below results/ is one of those; a star stands for folders too."""
    return _one_of(tuple(patterns)).match(path) is not None


@cache
def _one_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)) or "(?!)")


@dataclass(frozen=True)
class Covered:
    """What the manifest of a build covers.

    asked: what the build was asked for. devices: those that are built for; asked only where it matters, for
    it takes time to look for a GPU. is_there: whether a file was made.
    """

    asked: Asked
    devices: Callable[[], Iterable[str]]
    is_there: Callable[[str], bool] = os.path.isfile

    def files(self) -> list[str]:
        """The files that the manifest waits for: all that are there, or made in this build, but for those
        made on the way to others, so that a second build has the same. It describes these too."""
        zoo, models = self.asked.zoo, self.asked.models
        devices = tuple(self.devices()) if models else ()
        wanted, on_the_way = {*self.asked.targets, SBOM}, set()
        if models:
            wanted |= {*built(zoo, models, devices), *self.asked.report(devices).proofs(), *OF_REPORT}
            wanted.update(file for name in self.asked.by_name for file in shipped(zoo, name, devices))
            weights = [(weights_file(zoo.models[name]), f"{RESULTS}/weights/{name}.json") for name in models]
            wanted.update(file for pair in weights for file in pair)
            folders = [model_folder(device, name) for device in devices for name in models]
            on_the_way = {f"{folder}/{name}" for folder in folders for name in ON_THE_WAY} - wanted
        there = (path for path in described(zoo) if path in wanted or self.is_there(path))
        return [path for path in there if path not in on_the_way]

    def proofs(self, device: str, model: str) -> list[str]:
        """The proofs that a model card is about: those that are there, or made in this build."""
        zoo = self.asked.zoo
        models = [model] if model in self.asked.models else []
        alone = replace(zoo, models={model: zoo.models[model]})
        devices = tuple(self.devices()) if models else ()
        report = Report(alone, models, devices, self.asked.by_name)
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
    every path there that some rule makes, see `zoo.config.outputs.patterns.possible`."""
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
