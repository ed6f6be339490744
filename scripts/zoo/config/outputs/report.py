"""What a report reads."""

import os
from collections.abc import Collection
from dataclasses import dataclass

from zoo.config.artifacts import ARTIFACTS, DEVICES
from zoo.config.outputs import options
from zoo.config.outputs.devices import is_timed
from zoo.config.outputs.inputs import has_contenders
from zoo.config.outputs.paths import PROOFS, RESULTS, model_folder
from zoo.config.outputs.patterns import TARGET_PROOFS
from zoo.config.settings import RUNNABLE
from zoo.config.zoo import Model, Zoo

ABOUT = {
    "int8.search.json": "int8",
    "int8.sensitivity.json": "int8",
    "calibration.coverage.json": "int8",
    "fp32.conversion.json": "fp32",
    "best.json": "",
    **{f"{name}.options.json": name for name in RUNNABLE},
    **{f"{name}.program.json": "" for name, kind in ARTIFACTS.items() if kind.deployable},
    "best.program.json": "",
}
"""Records that are no proof of an artifact, but about one -> that artifact; about none, one is shown if it is
there, and made when it is asked for."""


def names_in(folder: str) -> Collection[str]:
    """The names of the files in a folder; none if there is no such folder."""
    try:
        with os.scandir(folder) as files:
            return {file.name for file in files}
    except OSError:
        return ()


@dataclass(frozen=True)
class Report:
    """What a report is about: models and devices, and whatever was made before. shipped: the models of which
    the best is chosen, too."""

    zoo: Zoo
    models: Collection[str]
    devices: Collection[str]
    shipped: Collection[str] = ()

    def proofs(self) -> list[str]:
        """Every proof of every artifact that is built of these models, with the outcome of the search for
        int8 and the way to ncnn; and those of other models and artifacts that lie in the working folder."""
        records = {f"{artifact}.{proof}": artifact for artifact in ARTIFACTS for proof in PROOFS} | ABOUT
        paths = []
        for model in self.zoo.models.values():
            for device in self.zoo.all_devices:
                folder = model_folder(device, model.name)
                asked = model.name in self.models and device in self.devices
                built = model.artifacts(device) if asked else ()
                there = names_in(folder)
                paths += [
                    f"{folder}/{record}"
                    for record, artifact in records.items()
                    if record in there or (asked and self._is_about(model, device, built, artifact, record))
                ]
        return paths

    def _is_about(
        self, model: Model, device: str, built: Collection[str], artifact: str, record: str
    ) -> bool:
        if record == "best.json":
            return model.name in self.shipped and has_contenders(self.zoo, device, model.name)
        proof = record.removeprefix(f"{artifact}.")
        there_is = device in DEVICES or proof in TARGET_PROOFS
        there_is = there_is or (proof == "bench.json" and is_timed(self.zoo, device))
        there_is = there_is or (record == "int8.search.json" and not model.settings.int8.lock)
        if record == "calibration.coverage.json":
            there_is = there_is and not model.settings.int8.lock  # which needs no calibration
        if record.endswith(".options.json"):
            there_is = bool(options.records(self.zoo, device, model.name, artifact))
        return there_is and artifact in built

    def cards(self) -> list[str]:
        """The cards of the models that there are proofs of."""
        models = {path.split("/")[2] for path in self.proofs()}
        return [f"{RESULTS}/weights/{model}.json" for model in self.zoo.models if model in models]
