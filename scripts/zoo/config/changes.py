"""What counts as a change beside the inputs of a job: code, the user's files, and images; and what was made
and changed since.

A rule carries the former as parameters, so that a job runs again when one of them is another; the latter ends
a build before it starts. Read each time a build starts, so the standard library is all it needs.
"""

import os
import re
import shlex
from contextlib import suppress
from functools import cache
from pathlib import Path

from zoo.config.code_hash import code_hash
from zoo.config.image_choice import ChosenImages, training_dataset, training_folder
from zoo.config.model_spec import ModelSpec
from zoo.config.outputs import RESULTS, model_of, possible
from zoo.config.training_images import parts
from zoo.config.zoo import Model, Zoo
from zoo.errors import ZooError
from zoo.images.planned import MADE_HERE, state_of
from zoo.jobs.made import FOLDER, changed, remembered_sha256


@cache
def code_state(scripts: Path, script: str, *more: str) -> str:
    """Changes when what a script runs does.

    more: patterns, below scripts/, of files that the script uses without importing them by name.
    """
    used = [path for pattern in more for path in sorted(scripts.glob(pattern))]
    return code_hash(scripts / script, *used)


def runtime_code_state(scripts: Path, script: str, runtime: str) -> str:
    """The same for a script that opens a runtime, which is a module by computed name."""
    return code_state(scripts, script, f"zoo/runners/{runtime}_runner.py")


def library_code_state(scripts: Path, script: str, model: Model) -> list[str | None]:
    """The same for a script that builds the model: its library counts, and code of the user's own."""
    spec = model.spec
    own = code_state(scripts, script, f"zoo/models/libraries/{spec.library}_models.py")
    return [own, entry_point_state(spec)] if spec.kind.is_user_code else [own]


def entry_point_state(spec: ModelSpec) -> str | None:
    """Changes when the user's module does, or one that it imports from beside it; None if it is installed."""
    folder = Path.cwd()
    module = folder.joinpath(*spec.architecture.partition(":")[0].split("."))
    for file in (module.with_suffix(".py"), module / "__init__.py"):
        if file.is_file():
            return code_hash(file, root=folder)
    return None


def source_state(model: Model) -> list[str | None]:
    """Changes when the content of a local file that a model's entry names does: its SHA-256, or None."""
    spec = model.spec
    start = spec.weights.training and spec.weights.training.start
    sources = [spec.weights, *([start] if start else [])]
    named = [source.location for source in sources if source.kind == "file"]
    named += [spec.architecture, *_onnx_data(Path(spec.architecture))] if spec.kind.is_file else []
    named += [spec.labels] if spec.labels else []
    return [_file_state(Path(str(file))) for file in named]


_LOCATION = re.compile(rb"\n\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])")
"""The start of an entry `location` in protobuf's encoding, and the length of what follows."""
_MOST_WITHOUT_DATA = 16 << 20


def _onnx_data(file: Path) -> list[str]:
    """The files beside an ONNX file that it has its weights in. Read as bytes: a plan has no time for onnx.
    One of more than 16 MiB, which has its weights in it as a rule, is not looked into."""
    if file.suffix != ".onnx" or not file.is_file() or file.stat().st_size > _MOST_WITHOUT_DATA:
        return []
    content, names = file.read_bytes(), set()
    for entry in _LOCATION.finditer(content):
        low, *high = entry[1]
        size = (low & 127) + (high[0] << 7 if high else 0)
        names.add(os.fsdecode(content[entry.end() : entry.end() + size]).replace("\0", ""))
    return [str(file.parent / name) for name in sorted(names)]


def _file_state(file: Path) -> str | None:
    """What is wrong with a file is its state, as with images: the job says it again, for its model only."""
    try:
        return remembered_sha256(file, Path(RESULTS) / ".inputs") if file.is_file() else None
    except OSError as error:
        return str(error)


def pinned_state(model: Model) -> str | None:
    """The same for the recipe or table that config.yaml names: as an input it counts when newer only."""
    pinned = model.settings.int8.pinned
    return _file_state(Path(pinned)) if pinned else None


set_state = cache(state_of)


def images_state(chosen: ChosenImages) -> str:
    """Changes when the chosen images do, if they are the user's; see `zoo.images.planned`."""
    return MADE_HERE if chosen.dataset else set_state(chosen.images)


def training_state(model: Model) -> str | list[str]:
    """Changes when the images do that a model is trained on, if they are the user's."""
    if training_dataset(model):
        return MADE_HERE
    return [set_state(part) for part in parts(model.spec.weights, Path(training_folder(model)))]


def refuse_changed(zoo: Zoo, only_checked: bool = False) -> None:
    """From now on keep what jobs make, see `zoo.jobs.made`. Raises ZooError if files that they made, of
    declared models or of all, are others now, with the command that makes these anew.

    only_checked: nothing is to be built, and whoever checks the files wants to name all that differ.
    """
    root = Path(RESULTS)
    with suppress(OSError):  # a zoo that is only read
        (root / FOLDER).mkdir(parents=True, exist_ok=True)
    if only_checked:
        return
    others = changed(root, lambda path: "/" not in path or model_of(path) in zoo.models)
    if not others:
        return
    files = [shlex.quote(f"{root}/{path}") for path in others]
    targets = [file for file, path in zip(files, others, strict=True) if re.fullmatch(possible(zoo), path)]
    command = f"rm {' '.join(files)}" + (f" && snakemake {' '.join(targets)}" if targets else "")
    what = "is not what its job made" if len(files) == 1 else "are not what their jobs made"
    raise ZooError(f"{', '.join(files)} {what}: the content was changed since; make anew: {command}")
