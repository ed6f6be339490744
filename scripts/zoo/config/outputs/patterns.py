"""Every path that some rule makes: one list, from which follow the pattern of possible outputs and the
constraints of the rules' wildcards. What is said of others is in `unknown`."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from zoo.config.artifacts import ARTIFACTS, DEVICES, FEW_BITS
from zoo.config.libraries import LIBRARIES
from zoo.config.outputs.alternatives import alternatives
from zoo.config.outputs.paths import LOCKS, PROOFS, weights_file
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
    return alternatives(map(re.escape, name) for name in names)


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
    return alternatives(_pieces(output, admitted) for output in OUTPUTS)


def _pieces(output: str, admitted: Mapping[str, str]) -> Iterator[str]:
    """The regular expressions, in turn, of the characters of a pattern and of its wildcards."""
    for index, part in enumerate(re.split(r"{(\w+)}", output)):
        yield from [f"(?:{admitted[part]})"] if index % 2 else map(re.escape, part)


def unlocked_device(zoo: Zoo) -> str:
    """A regular expression of a device in the path of a lock that there is not: those that there are no job
    may replace."""
    there = [f"{device}/{model}" for device in DEVICES for model in zoo.models]
    there = [each for each in there if Path(f"{LOCKS}/{each}.json").exists()]
    return rf"(?!(?:{one_of(there)})\.(?:json|delta)$)(?:{one_of(DEVICES)})"


def model_of(path: str) -> str | None:
    """The model, declared or not, that the form of a path below results/ tells; None for what is of none."""
    _, *rest = path.split("/")
    return model_in(rest[0]) if rest else None


def model_in(name: str) -> str:
    """The model, declared or not, that a folder is of, or a file of weights."""
    suffixes = {".json", ".training", *(library.suffix for library in LIBRARIES.values())}
    return next((name.removesuffix(suffix) for suffix in suffixes if name.endswith(suffix)), name)
