"""What is built of models by itself, and on targets."""

from collections.abc import Iterable

from zoo.config.artifacts import ARTIFACTS, FEW_BITS
from zoo.config.outputs.inputs import fp16_recipes
from zoo.config.outputs.paths import MANIFEST, RESULTS, SBOM, SIGNATURE, model_folder
from zoo.config.zoo import Zoo


def built(zoo: Zoo, models: Iterable[str], devices: Iterable[str]) -> list[str]:
    """All final files of the models on the devices; the report, which asks for their proofs; and the manifest
    of all, signed if that is configured."""
    files = []
    for device in devices:
        for model in models:
            artifacts = zoo.models[model].artifacts(device)
            names = [file for name in artifacts for file in ARTIFACTS[name].files]
            names += [f"{artifact}.passed" for artifact in artifacts]
            names += ["int8.table", "int8.recipe.json"] if "int8" in artifacts else []
            names += [f"{name}.recipe.json" for name in FEW_BITS if name in artifacts]
            names.append("README.md")
            files += [f"{model_folder(device, model)}/{name}" for name in names]
            files += fp16_recipes(zoo, device, model)
    signature = [SIGNATURE] if zoo.signing.command else []
    return [*files, f"{RESULTS}/report.html", f"{RESULTS}/zoo.csv", SBOM, MANIFEST, *signature]


def on_targets(zoo: Zoo, models: Iterable[str]) -> list[str]:
    """What is built of the models on each target that is emulated: all that `built` has of it."""
    devices = [name for name, target in zoo.targets.items() if not target.is_board]
    return [file for file in built(zoo, models, devices) if file.split("/")[1] in devices]
