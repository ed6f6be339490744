"""Where every output of a build lies: one list, from which follow the pattern of possible outputs, the
constraints of the rules' wildcards, and what is said of an output that is impossible.

Read each time a build starts, so the standard library is all it needs.
"""

import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.config.artifacts import ARTIFACTS, DEVICES, FEW_BITS
from zoo.config.libraries import LIBRARIES
from zoo.config.settings import RUNNABLE
from zoo.config.targets import ARCHITECTURES
from zoo.config.zoo import Model, Zoo
from zoo.errors import ZooError
from zoo.images.datasets import DATASETS

RESULTS = "results"
LOCKS = "locks"
"""Where locks of int8 lie, beside config.yaml: they are committed, so they are no results."""
MANIFEST, SBOM = f"{RESULTS}/manifest.json", f"{RESULTS}/sbom.cdx.json"
SIGNATURE = f"{MANIFEST}.sig"
HISTORY = f"{RESULTS}/history.jsonl"
"""What builds append to; no rule makes it."""
PROOFS = ("verify.json", "eval.json", "bench.json")
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

MASKED = ("fp16", "w8", *FEW_BITS, "int8")
"""The artifacts that ncnn computes in float16 where it can."""

_MODEL, _ON_TARGET = "{device}/{model}/", "{target}/{model}/"
TARGET_PROOFS = ("verify.json", "eval.json", "passed")
"""What is known of an artifact on a target, beside its time where it can be timed: `{timed}`."""
OUTPUTS = (
    *(_MODEL + file for kind in ARTIFACTS.values() for file in kind.files),
    _MODEL + "fp32.conversion.json",
    _MODEL + "fp16.recipe.json",
    *(f"{_MODEL}int8.{record}" for record in ("table", "recipe.json", "search.json", "sensitivity.json")),
    *(f"{_MODEL}{name}.{record}.json" for name in FEW_BITS for record in ("recipe", "trial")),
    _MODEL + "vendor_bundle.zip",
    *(_MODEL + file for file in ("calibration.npz", "calibration.coverage.json")),
    *(f"{_MODEL}{{artifact}}.{proof}" for proof in (*PROOFS, "passed")),
    _MODEL + "{deployable}.deploy.zip",
    _MODEL + "{deployable}.options.json",
    *(f"{_MODEL}best.{file}" for file in ("json", "param", "bin", "deploy.zip")),
    _MODEL + "search/{step}",
    _MODEL + "README.md",
    *(_ON_TARGET + file for kind in ARTIFACTS.values() if kind.deployable for file in kind.files),
    _ON_TARGET + "fp16.recipe.json",
    *(f"{_ON_TARGET}int8.{record}" for record in ("table", "recipe.json", "search.json")),
    _ON_TARGET + "search/{step}",
    *(f"{_ON_TARGET}{{deployable}}.{proof}" for proof in TARGET_PROOFS),
    "{timed}/{model}/{deployable}.bench.json",
    _ON_TARGET + "{deployable}.deploy.zip",
    _ON_TARGET + "{deployable}.options.json",
    _ON_TARGET + "README.md",
    *(f"{_ON_TARGET}best.{file}" for file in ("json", "param", "bin", "deploy.zip")),
    *(f"{_ON_TARGET}{{bundled}}.{file}" for file in ("program", "program.json")),
    "weights/{model}.json",
    "weights/{weights}",
    "reference/{model}/{purpose}.npz",
    "datasets/{dataset}",
    "targets/{architecture}/agent",
    "report.html",
    "zoo.csv",
    "evaluation.md",
    "evaluation.csv",
    "site",
    "sbom.cdx.json",
    "manifest.json",
    "manifest.json.sig",
)
"""Every path below results/ that some rule makes, with wildcards, in the order in which people are told."""


def wildcards(zoo: Zoo) -> dict[str, Collection[str]]:
    """What each wildcard of OUTPUTS can be; `step`, an intermediate of the search, can be any name."""
    deployable = [name for name, kind in ARTIFACTS.items() if kind.deployable]
    return {
        "device": DEVICES,
        "target": list(zoo.targets),
        "timed": [name for name, target in zoo.targets.items() if target.is_timed],
        "architecture": ARCHITECTURES,
        "model": list(zoo.models),
        "artifact": list(ARTIFACTS),
        "deployable": deployable,
        "bundled": [*deployable, "best"],
        "purpose": ("verification", "evaluation"),
        "dataset": list(DATASETS),
        "weights": [Path(weights_file(model)).name for model in zoo.models.values()],
    }


def one_of(names: Iterable[str]) -> str:
    """A regular expression that admits these names only."""
    return "|".join(map(re.escape, names)) or "(?!)"


def constraints(zoo: Zoo) -> dict[str, str]:
    """The regular expressions of the rules' wildcards."""
    return {name: one_of(values) for name, values in wildcards(zoo).items()} | {
        "any_device": one_of(zoo.all_devices),
        "shard": "[0-9]+",
        "shards": "[0-9]+",
    }


def possible(zoo: Zoo) -> str:
    """A regular expression of every path below results/ that some rule makes."""
    admitted = constraints(zoo) | {"step": "[^/]+"}
    patterns = "|".join(map(re.escape, OUTPUTS))
    return re.sub(r"\\\{(\w+)\\\}", lambda wildcard: f"(?:{admitted[wildcard[1]]})", patterns)


def explain(path: str, zoo: Zoo) -> str:
    """Say which part of a path below results/ is wrong, and what is valid there."""
    head, *rest = path.split("/")
    heads = (output.partition("/")[0] for output in OUTPUTS)
    others = dict.fromkeys(each for each in heads if each not in ("{device}", "{target}", "{timed}"))
    if head not in (*zoo.all_devices, *others):
        beside, valid = ", ".join(others), ", ".join(zoo.all_devices)
        reason = f"'{head}' is not a device; valid are: {valid}; beside these there are {beside}"
    elif head == "datasets":
        reason = f"'{'/'.join(rest)}' is not a packaged data set; there are: {', '.join(DATASETS)}"
    elif head == "targets":
        reason = f"there are agents for {', '.join(ARCHITECTURES)}; one is {agent_file()}"
    elif rest and _model_of(rest[0]) not in zoo.models:
        reason = f"'{rest[0]}' is not a declared model; declared are: {', '.join(zoo.models)}"
    elif head in zoo.targets and path.endswith(".bench.json") and not zoo.targets[head].is_timed:
        reason = f"{head} is emulated, and time under emulation says nothing of the device itself"
    else:
        kind = "{target}" if head in zoo.targets else "{device}" if head in DEVICES else head
        reason = _not_a_file("/".join(rest), kind, zoo)
    return f"{RESULTS}/{path}: {reason}"


def model_of(path: str) -> str | None:
    """The model, declared or not, that the form of a path below results/ tells; None for what is of none."""
    _, *rest = path.split("/")
    return _model_of(rest[0]) if rest else None


def _model_of(name: str) -> str:
    suffixes = {".json", ".training", *(library.suffix for library in LIBRARIES.values())}
    return next((name.removesuffix(suffix) for suffix in suffixes if name.endswith(suffix)), name)


def _not_a_file(rest: str, head: str, zoo: Zoo) -> str:
    """The sentence for a file that no model has: what there is in such a folder, in the words of OUTPUTS."""
    files = [output.removeprefix(f"{head}/") for output in OUTPUTS if output.startswith(f"{head}/")]
    kind = f"a file of {RESULTS}/{head}"
    if head in ("{device}", "{target}"):
        kind = "an artifact" if head == "{device}" else "an artifact of a target"
        files = [file.removeprefix("{model}/") for file in files]
        rest = rest.partition("/")[2]
    valid = ", ".join(files).replace("{", "<").replace("}", ">")
    named = [name for name in wildcards(zoo) if f"<{name}>" in valid and name != "model"]
    values = " and ".join(f"<{name}> is one of {', '.join(wildcards(zoo)[name])}" for name in named)
    fault = f"'{rest}' is not {kind}" if rest else "this is a folder; name a file in it"
    return f"{fault}; valid are: {valid}" + (f", where {values}" if values else "")


def weights_file(model: Model) -> str:
    """The file that a model's weights are kept in: of tensors, or the model's own."""
    return f"{RESULTS}/weights/{model.name}{model.spec.kind.suffix}"


def source_file(model: Model) -> str:
    """The local file that a model's weights come from; else the one that they are kept in."""
    spec = model.spec
    given = spec.weights.location if spec.weights.kind == "file" else None
    return spec.architecture if model.imported else given or weights_file(model)


def dataset_folder(name: str) -> str:
    """Where a packaged data set is written as images."""
    return f"{RESULTS}/datasets/{name}"


def model_folder(device: str, model: str) -> str:
    return f"{RESULTS}/{device}/{model}"


def artifact_files(device: str, model: str, artifact: str) -> list[str]:
    """The files of an artifact, as its kind orders them."""
    return [f"{model_folder(device, model)}/{file}" for file in ARTIFACTS[artifact].files]


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


def artifact_values(zoo: Zoo, device: str, model: str, artifact: str) -> dict[str, Any]:
    """An artifact as `zoo.runners.artifact.Artifact.of` takes it beside its files; on a target, with that."""
    values: dict[str, Any] = ARTIFACTS[artifact].of(device, model)
    if target := zoo.targets.get(device):
        values["target"] = target.to_dict() | {"agent": agent(zoo, device)[0]}
    return values


def options_files(zoo: Zoo, device: str, model: str, artifact: str) -> list[str]:
    """The record of what is set of ncnn's options for an artifact on a device; none if nothing is said of
    them, by hand or by asking for a search."""
    said = artifact in zoo.models[model].settings.runtime.by_hand
    asked = said or (ARTIFACTS[artifact].deployable and searches_options(zoo, device, model))
    return [f"{model_folder(device, model)}/{artifact}.options.json"] * asked


def asked_options(zoo: Zoo, device: str, model: str, artifact: str) -> dict[str, Any]:
    """What is asked of an artifact's options on a device, as plain values: `search`, `search_threads`,
    `by_hand`, the last as config.yaml has it.

    Raises ZooError if nothing is.
    """
    if not options_files(zoo, device, model, artifact):
        raise ZooError(
            f"{model}: nothing is said of the options of {artifact} on {device}; say some by hand (runtime: "
            f"{{{artifact}: {{use_winograd_convolution: false}}}}), or have them searched, on a device that "
            "can be timed (runtime: {search: true})"
        )
    runtime, searched = zoo.models[model].settings.runtime, searches_options(zoo, device, model)
    return {
        "search": runtime.search and searched,
        "search_threads": runtime.search_threads and searched,
        "by_hand": runtime.by_hand[artifact].to_dict() if artifact in runtime.by_hand else {},
    }


def searches_options(zoo: Zoo, device: str, model: str) -> bool:
    """Whether options are searched for a model on a device, which takes one that can be timed."""
    return is_timed(zoo, device) and zoo.models[model].settings.runtime.searches


def options_judgement(zoo: Zoo, device: str, model: str) -> list[str]:
    """The answers of fp32 that searched options are judged by, for a target those on the CPU here; none where
    nothing is searched."""
    judged, here = searches_options(zoo, device, model), device if device in DEVICES else "cpu"
    return [f"{model_folder(here, model)}/search/reference.npz"] * judged


def agent(zoo: Zoo, device: str) -> list[str]:
    """The program that works on a device; none on this machine."""
    return [agent_file(zoo.targets[device].architecture)] if device in zoo.targets else []


def agent_file(architecture: str = ARCHITECTURES[0]) -> str:
    """The program that works on targets of an architecture."""
    return f"{RESULTS}/targets/{architecture}/agent"


def is_timed(zoo: Zoo, device: str) -> bool:
    """Whether artifacts are timed on a device."""
    return device in DEVICES or zoo.targets[device].is_timed


def uses_board(zoo: Zoo, device: str) -> int:
    """How many boards a job for a device has to itself."""
    return int(device in zoo.targets and zoo.targets[device].is_board)


def boards(zoo: Zoo) -> list[dict[str, Any]]:
    """The targets that keep files, as plain values."""
    names = [name for name, target in zoo.targets.items() if target.is_board]
    return [zoo.targets[name].to_dict() | {"agent": agent(zoo, name)[0]} for name in names]


def board_agents(zoo: Zoo) -> list[str]:
    """The programs that work on them."""
    return sorted({board["agent"] for board in boards(zoo)})


def runner(zoo: Zoo, device: str, artifact: str) -> str:
    """What runs an artifact on a device: the name of a module of `zoo.runners`, and what that runs."""
    return "target" if device in zoo.targets else ARTIFACTS[artifact].runtime


def on_targets(zoo: Zoo, models: Iterable[str]) -> list[str]:
    """What is built of the models on each target that is emulated: all that `built` has of it."""
    devices = [name for name, target in zoo.targets.items() if not target.is_board]
    return [file for file in built(zoo, models, devices) if file.split("/")[1] in devices]


def lock_files(device: str, model: str) -> list[str]:
    """The lock of a model's int8, and what int8 is made of by it; see `zoo.locks.lock`."""
    return [f"{LOCKS}/{device}/{model}.{end}" for end in ("json", "delta")]


def lock_inputs(device: str, model: str) -> list[str]:
    """The same for the job that reads them: if there is a lock, only what there is of both, so that the job
    says what is missing, and how to mend it."""
    files = lock_files(device, model)
    return [file for file in files if Path(file).exists()] if Path(files[0]).exists() else files


def unlocked_device(zoo: Zoo) -> str:
    """A regular expression of a device in the path of a lock that there is not: those that there are no job
    may replace."""
    there = [f"{device}/{model}" for device in DEVICES for model in zoo.models]
    there = [each for each in there if Path(f"{LOCKS}/{each}.json").exists()]
    return rf"(?!(?:{one_of(there)})\.(?:json|delta)$)(?:{one_of(DEVICES)})"


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


def calibration_shards(device: str, model: Model) -> list[str]:
    """The statistics that those of a model are merged from; none if one job collects them."""
    shards = model.settings.int8.shards
    folder = f"{model_folder(device, model.name)}/search"
    names = [f"calibration-{index + 1}-of-{shards}.npz" for index in range(shards)]
    return [f"{folder}/{name}" for name in names] if shards > 1 else []


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
                for record, artifact in records.items():
                    path = f"{model_folder(device, model.name)}/{record}"
                    if self._is_about(model, device, artifact, record) or Path(path).exists():
                        paths.append(path)
        return paths

    def _is_about(self, model: Model, device: str, artifact: str, record: str) -> bool:
        asked = model.name in self.models and device in self.devices
        if record == "best.json":
            return asked and model.name in self.shipped and has_contenders(self.zoo, device, model.name)
        proof = record.removeprefix(f"{artifact}.")
        there_is = device in DEVICES or proof in TARGET_PROOFS
        there_is = there_is or (proof == "bench.json" and is_timed(self.zoo, device))
        there_is = there_is or (record == "int8.search.json" and not model.settings.int8.lock)
        if record == "calibration.coverage.json":
            there_is = there_is and not model.settings.int8.lock  # which needs no calibration
        if record.endswith(".options.json"):
            there_is = bool(options_files(self.zoo, device, model.name, artifact))
        return asked and there_is and artifact in model.artifacts(device)

    def cards(self) -> list[str]:
        """The cards of the models that there are proofs of."""
        models = {path.split("/")[2] for path in self.proofs()}
        return [f"{RESULTS}/weights/{model}.json" for model in self.zoo.models if model in models]
