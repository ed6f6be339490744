"""Every path that some rule makes: one list, from which follow the pattern of possible outputs, the
constraints of the rules' wildcards, and what is said of an output that is impossible."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from zoo.config.artifacts import ARTIFACTS, DEVICES, FEW_BITS
from zoo.config.libraries import LIBRARIES
from zoo.config.outputs.paths import LOCKS, PROOFS, RESULTS, agent_file, weights_file
from zoo.config.targets import ARCHITECTURES
from zoo.config.zoo import Zoo
from zoo.images.datasets import DATASETS

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


def unlocked_device(zoo: Zoo) -> str:
    """A regular expression of a device in the path of a lock that there is not: those that there are no job
    may replace."""
    there = [f"{device}/{model}" for device in DEVICES for model in zoo.models]
    there = [each for each in there if Path(f"{LOCKS}/{each}.json").exists()]
    return rf"(?!(?:{one_of(there)})\.(?:json|delta)$)(?:{one_of(DEVICES)})"


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
