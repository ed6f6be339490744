"""What is said of a target that nothing makes: what is wrong with it, and what was meant or is valid."""

import os
import re
from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from itertools import product
from pathlib import Path

from zoo.config.artifacts import DEVICES
from zoo.config.outputs.paths import LOCKS, RESULTS, agent_file
from zoo.config.outputs.patterns import OUTPUTS, model_in, possible, wildcards
from zoo.config.targets import ARCHITECTURES
from zoo.config.zoo import Zoo
from zoo.errors import ZooError, meant
from zoo.images.datasets import DATASETS

SHOWN = 20
"""How many names a sentence lists at most."""


def refuse(
    targets: Iterable[str],
    zoo: Zoo,
    names: Collection[str],
    patterns: Collection[str],
    makes: Callable[[str], bool],
) -> None:
    """Raises ZooError for the first target that nothing makes, with the nearest that something does.

    names: of rules, and so of models that are asked for, each of which can be asked for by its name alone.
    patterns: the names of rules that make files by a pattern. makes: whether some rule makes a file.
    """
    for target in targets:
        path = os.path.normpath(target)
        inside = path.removeprefix(f"{RESULTS}/")
        if "://" in target or target in names or makes(path):
            continue
        if target in patterns:
            raise ZooError(
                f"{target} makes files of every model, and none by that name alone; name a model, or a file "
                f"({RESULTS}/cpu/MODEL/int8.param)"
            )
        if inside != path and not re.fullmatch(possible(zoo), inside):
            raise ZooError(explain(inside, zoo))
        if inside == path:
            raise ZooError(_of_name(target, zoo, names) if "/" not in path else _of_path(target, path, zoo))


def explain(path: str, zoo: Zoo) -> str:
    """Say which part of a path below results/ is wrong, and which was meant, or what is valid there."""
    (head, *rest), heads, near = path.split("/"), _heads(), _nearest(path, zoo)
    hint = f"did you mean {near}?" if near else ""
    if head not in (*zoo.all_devices, *heads):
        others = f"beside these there are {', '.join(heads)}"
        reason = f"'{head}' is not a device; valid are: {', '.join(zoo.all_devices)}; {hint or others}"
    elif head == "datasets":
        reason = f"'{'/'.join(rest)}' is not a packaged data set; there are: {', '.join(DATASETS)}"
    elif head == "targets":
        reason = f"there are agents for {', '.join(ARCHITECTURES)}; one is {agent_file()}"
    elif rest and model_in(rest[0]) not in zoo.models:
        reason = f"'{rest[0]}' is no model of config.yaml; {hint or 'declared are: ' + _some(zoo.models)}"
    elif head in zoo.targets and path.endswith(".bench.json") and not zoo.targets[head].is_timed:
        reason = f"{head} is emulated, and time under emulation says nothing of the device itself"
    else:
        kind = "{target}" if head in zoo.targets else "{device}" if head in DEVICES else head
        fault, valid = _not_a_file("/".join(rest), kind, zoo)
        reason = f"{fault}; {hint or valid}"
    return f"{RESULTS}/{path}: {reason}"


def _of_name(name: str, zoo: Zoo, names: Collection[str]) -> str:
    near = meant([name], [*zoo.models, *names]) or (
        f"models are: {_some(zoo.models)}; what else has a name: snakemake --list-target-rules; a new model "
        "is a line in config.yaml"
    )
    return f"{name} is no model of config.yaml, and nothing else that can be made; {near}"


def _of_path(target: str, path: str, zoo: Zoo) -> str:
    here = os.path.relpath(path)
    first, _, rest = here.partition("/")
    if first == LOCKS:
        if Path(path).exists():
            return f"{target} is there, and no job replaces it; to have it made anew, delete it"
        return f"{target} cannot be made: a lock is of a model that says int8: {{lock: true}}, on cpu or gpu"
    inside = rest if _near(first, [RESULTS]) else here
    near = f"{RESULTS}/{inside}" if re.fullmatch(possible(zoo), inside) else _nearest(inside, zoo)
    hint = f"did you mean {near}?" if near else f"what is made lies in {RESULTS}/"
    return f"{target} is nothing that can be made; {hint}"


def _nearest(path: str, zoo: Zoo) -> str:
    """The output that is spelled most alike part by part, of those of a model on a device and those that lie
    at the top; empty if none is near."""
    head, *rest = path.split("/")
    if not rest:
        name = _near(head, [each for each in _heads() if "." in each or each == "site"])
        return f"{RESULTS}/{name}" if name else ""
    device = _near(head, zoo.all_devices)
    parts = [device, _near(rest[0], zoo.models), _near("/".join(rest[1:]), _files(device, zoo), 0.75)]
    near = "/".join(parts)
    return f"{RESULTS}/{near}" if all(parts) and re.fullmatch(possible(zoo), near) else ""


def _near(name: str, known: Collection[str], likeness: float = 0.6) -> str:
    return name if name in known else next(iter(get_close_matches(name, known, 1, likeness)), "")


def _files(device: str, zoo: Zoo) -> list[str]:
    """The files of a model on a device, but for what a search leaves."""
    kinds, values = ("{device}/{model}/", "{target}/{model}/", "{timed}/{model}/"), wildcards(zoo)
    ours = [kind for kind in kinds if device in values[kind[1 : kind.index("}")]]]
    files = [each.removeprefix(kind) for kind in ours for each in OUTPUTS if each.startswith(kind)]
    found = []
    for file in files:
        names = re.findall(r"{(\w+)}", file)
        if "step" not in names:
            each_value = product(*(values[name] for name in names))
            found += [file.format(**dict(zip(names, each, strict=True))) for each in each_value]
    return found


def _heads() -> list[str]:
    """What lies at the top of results/, beside devices."""
    heads = dict.fromkeys(output.partition("/")[0] for output in OUTPUTS)
    return [each for each in heads if "{" not in each]


def _some(names: Collection[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(list(names)[:SHOWN]) or 'none'}{more}"


def _not_a_file(rest: str, head: str, zoo: Zoo) -> tuple[str, str]:
    """What is said of a file that no model has, and, in the words of OUTPUTS, what such a folder has."""
    files = [output.removeprefix(f"{head}/") for output in OUTPUTS if output.startswith(f"{head}/")]
    kind = f"a file of {RESULTS}/{head}"
    if head in ("{device}", "{target}"):
        kind = "an artifact" if head == "{device}" else "an artifact of a target"
        files = [file.removeprefix("{model}/") for file in files]
        rest = rest.partition("/")[2]
    valid = ", ".join(files).replace("{", "<").replace("}", ">")
    named = [name for name in wildcards(zoo) if f"<{name}>" in valid and name != "model"]
    values = " and ".join(f"<{name}> is one of {_some(wildcards(zoo)[name])}" for name in named)
    fault = f"'{rest}' is not {kind}" if rest else "this is a folder; name a file in it"
    return fault, f"valid are: {valid}" + (f", where {values}" if values else "")
