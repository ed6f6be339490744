"""What jobs read, where it depends on what the configuration says of a model or device."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.config.artifacts import ARTIFACTS, DEVICES, FEW_BITS
from zoo.config.outputs.devices import is_timed
from zoo.config.outputs.paths import artifact_files, lock_files, model_folder
from zoo.config.zoo import Model, Zoo
from zoo.errors import ZooError

MASKED = ("fp16", "w8", *FEW_BITS, "int8")
"""The artifacts that ncnn computes in float16 where it can."""


def contenders(zoo: Zoo, device: str, model: str, proof: str = "") -> list[str]:
    """The files of the ncnn artifacts of which one is the best to ship, or a proof of each.

    Raises ZooError if the model has none on that device.
    """
    names = [name for name in zoo.models[model].artifacts(device) if ARTIFACTS[name].deployable]
    if not names:
        raise ZooError(
            f"{model}: none of its artifacts on {device} is ncnn's, so none is the best to ship there"
        )
    if proof == "bench.json" and not is_timed(zoo, device):
        return []
    if proof:
        return [f"{model_folder(device, model)}/{name}.{proof}" for name in names]
    return [file for name in names for file in artifact_files(device, model, name)]


def has_contenders(zoo: Zoo, device: str, model: str) -> bool:
    """Whether there is anything to choose from, see `contenders`."""
    return any(ARTIFACTS[name].deployable for name in zoo.models[model].artifacts(device))


def lock_inputs(device: str, model: str) -> list[str]:
    """The same for the job that reads them: if there is a lock, only what there is of both, so that the job
    says what is missing, and how to mend it."""
    files = lock_files(device, model)
    return [file for file in files if Path(file).exists()] if Path(files[0]).exists() else files


def pinned(model: Model, is_made: Callable[[str], bool]) -> str | None:
    """The recipe or table that int8 is made by. One that is not there, and that no rule makes, is none:
    Snakemake would tell of it by a rule's name, and `zoo.config.mistakes` tells where it is named."""
    file = model.settings.int8.pinned
    return file if file and (Path(file).exists() or is_made(file)) else None


def layer_reference(device: str, model: str, artifact: str) -> list[str]:
    """ncnn's own fp32 files, which ncnn artifacts are compared with layer by layer."""
    return artifact_files(device, model, "fp32") if ARTIFACTS[artifact].runtime == "ncnn" else []


def fp16_recipe(zoo: Zoo, device: str, model: str, artifact: str) -> list[str]:
    """The masks of an artifact on a device, if that has any planned: on targets all files that compute in
    float16, on this machine those of fp16, for the search judges its int8 without."""
    on_target = device in zoo.targets
    has_masks = artifact in (MASKED if on_target else ("fp16",))
    planned = has_masks and zoo.models[model].settings.fp16.planned(on_target)
    return [f"{model_folder(device, model)}/fp16.recipe.json"] if planned else []


def fp16_recipes(zoo: Zoo, device: str, model: str) -> list[str]:
    """The masks of what is built of a model on a device without being asked for by name, if there are any."""
    artifacts = zoo.models[model].artifacts(device)
    return list(dict.fromkeys(file for name in artifacts for file in fp16_recipe(zoo, device, model, name)))


def conversion_pictures(home: Path) -> dict[str, Any]:
    """The image set that a way to ncnn is judged on: two pictures that ship with the project in `home`.

    Not the user's: another verification set would have everything converted again.
    """
    return {"name": "natural", "path": os.path.relpath(home / "calib/natural"), "images": 2}


def judgement(zoo: Zoo, device: str, model: str, artifact: str = "int8") -> list[str]:
    """The outcome of the search for a model's int8, or what a file of FEW_BITS was measured with when it was
    made; its recipe, and fp32's answers that it was judged by, which for a target are those on the CPU here.
    With a lock a target has what was chosen for the CPU."""
    here = model_folder(device if device in DEVICES else "cpu", model)
    if artifact in FEW_BITS:
        measured = [f"{here}/{artifact}.{record}.json" for record in ("trial", "recipe")]
        return [*measured, f"{here}/search/reference.npz"]
    folder = here if zoo.models[model].settings.int8.lock else model_folder(device, model)
    records = [f"{folder}/int8.{record}.json" for record in ("search", "recipe")]
    return [*records, f"{here}/search/reference.npz"]
