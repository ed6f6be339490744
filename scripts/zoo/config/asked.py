"""What a build is asked for: files, and rules by name, of which each model is one (`snakemake MODEL`).

Read each time a build starts, so the standard library is all it needs.
"""

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.config.artifacts import ARTIFACTS
from zoo.config.outputs.built import built
from zoo.config.outputs.inputs import has_contenders
from zoo.config.outputs.paths import model_folder
from zoo.config.outputs.report import Report
from zoo.config.zoo import Zoo
from zoo.errors import EntryError
from zoo.jobs.made import made_sha256

BEST = ("best.json", "best.param", "best.bin", "best.deploy.zip")
"""What is shipped of a model on a device."""


@dataclass(frozen=True)
class Asked:
    """targets: files, and rules by the names that they have there. rename: tells these from our own."""

    zoo: Zoo
    targets: Collection[str]
    rename: Callable[[str], str] = str

    @property
    def by_name(self) -> list[str]:
        """The models that are asked for by their own names."""
        return [name for name in self.zoo.models if self.rename(name) in self.targets]

    @property
    def models(self) -> Collection[str]:
        """The models that are built whole."""
        if self.rename("all") in self.targets:
            return self.zoo.models
        embedded = self.zoo.embedded if self.rename("embedded") in self.targets else ()
        return list(dict.fromkeys([*embedded, *self.by_name]))

    def report(self, devices: Collection[str]) -> Report:
        """What a report is about: these models; where `report` alone is asked for, what was built; else the
        embedded ones."""
        only_report = list(self.targets) == [self.rename("report")]
        others = () if only_report else self.zoo.embedded
        return Report(self.zoo, self.models or others, devices, self.by_name)

    def refuse_names(self, is_rule: Callable[[str], bool]) -> None:
        """Raises EntryError for a model that is called as something else that can be built."""
        for name in self.zoo.models:
            if is_rule(target := self.rename(name)):
                raise EntryError(
                    f"models: {name}: a model cannot be called {name}, for `snakemake {target}` makes "
                    "something else; give it another name",
                    ("models", name),
                )

    def unverified(self) -> Iterator[str]:
        """For each artifact of which a file was asked for and lies there without a proof that is of its
        bytes, a sentence with the command that makes one."""
        names = {Path(target).as_posix().removeprefix("./") for target in self.targets}
        for device in self.zoo.all_devices:
            for model in self.zoo.models:
                for artifact, kind in ARTIFACTS.items():
                    stem = f"{model_folder(device, model)}/{artifact}"
                    files = [f"{model_folder(device, model)}/{file}" for file in kind.files]
                    given = [file for file in files if file in names]
                    if given and f"{stem}.passed" not in names and not _is_proven(stem, files):
                        yield (
                            f"{', '.join(given)} {'is' if len(given) == 1 else 'are'} not verified: "
                            f"snakemake {shlex.quote(f'{stem}.passed')}"
                        )


def shipped(zoo: Zoo, model: str, devices: Collection[str]) -> list[str]:
    """All final files of a model, as `built` has them, with what of it is shipped on each device."""
    files = built(zoo, [model], devices)
    for device in devices:
        if has_contenders(zoo, device, model):
            files += [f"{model_folder(device, model)}/{file}" for file in BEST]
    return files


def _is_proven(stem: str, files: Iterable[str]) -> bool:
    """Whether the files of an artifact are those that passed; True where one is not there at all. stem: the
    path of its records, without their endings."""
    paths = [Path(file) for file in files]
    if not all(path.is_file() for path in paths):
        return True
    try:
        passed = Path(f"{stem}.passed").read_text(encoding="utf-8")
    except OSError:
        return False
    return all(f"{made_sha256(path)}  {path.name}\n" in passed for path in paths)
