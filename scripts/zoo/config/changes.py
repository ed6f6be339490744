"""What counts as a change beside the inputs of a job: code, the tools that it hands the work to, the user's
files, and images; and what was made and changed since.

A rule carries the former as parameters, so that a job runs again when one of them is another; the latter ends
a build before it starts. Read each time a build starts, so the standard library is all it needs.
"""

import re
import shlex
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from zoo.config.code_hash import code_hash
from zoo.config.image_choice import ChosenImages, training_dataset, training_folder
from zoo.config.model_spec import ModelSpec
from zoo.config.outputs.paths import RESULTS
from zoo.config.outputs.patterns import model_of, possible
from zoo.config.training.images import parts
from zoo.config.zoo import Model, Zoo
from zoo.errors import ZooError
from zoo.images.planned import MADE_HERE, state_of
from zoo.images.sets import NOTES
from zoo.jobs.made import FOLDER, changed, remembered, remembered_sha256
from zoo.jobs.onnx_data import SUFFIX, data_of

TOOLS = {
    "torchscript.py": ("torch",),
    "onnx_export.py": ("torch",),
    "reference.py": ("torch",),
    "ncnn_fp32.py": ("pnnx",),
    "onnx_fp16.py": ("onnxruntime",),
    "onnx_int8_static.py": ("onnxruntime",),
    "onnx_int8_dynamic.py": ("onnxruntime",),
}
"""The packages whose release decides what a script makes, beside the runtime that it opens."""


@cache
def release(package: str) -> str:
    """A package and its version that is installed, as in `ncnn 1.0.20261020`."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


@cache
def code_state(scripts: Path, script: str, *more: str) -> str:
    """Changes when what a script runs does, TOOLS included.

    more: patterns, below scripts/, of files that the script uses without importing them by name.
    """
    used = [path for pattern in more for path in sorted(scripts.glob(pattern))]
    return ", ".join([code_hash(scripts / script, *used, notes=NOTES), *map(release, TOOLS.get(script, ()))])


def runtime_code_state(scripts: Path, script: str, runtime: str) -> str:
    """The same for a script that opens a runtime, which is a module by computed name, and a package."""
    package = "ncnn" if runtime == "target" else runtime
    return f"{code_state(scripts, script, f'zoo/runners/{runtime}_runner.py')}, {release(package)}"


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
            return code_hash(file, root=folder, notes=NOTES)
    return None


def source_state(model: Model) -> list[str | None]:
    """Changes when the content of a local file that a model's entry names does: its SHA-256, or None."""
    return [_file_state(file) for file in source_files(model)]


def source_files(model: Model) -> list[Path]:
    """The local files that a model's entry names, and those that an ONNX file has its weights in."""
    spec = model.spec
    start = spec.weights.training and spec.weights.training.start
    sources = [spec.weights, *([start] if start else [])]
    named = [source.location for source in sources if source.kind == "file"]
    named += [spec.architecture] if spec.kind.is_file else []
    named += _onnx_data(Path(spec.architecture)) if spec.library == "onnx" else []
    named += [spec.labels] if spec.labels else []
    return [Path(str(file)) for file in named]


def _onnx_data(file: Path) -> list[str]:
    """The files beside an ONNX file that it has its weights in: a large one is looked into once."""
    try:
        return list(remembered(NOTES, "data", [file], lambda: [str(path) for path in data_of(file)]))
    except OSError:
        return []  # the state of the file itself tells


def _file_state(file: Path) -> str | None:
    """What is wrong with a file is its state, as with images: the job says it again, for its model only."""
    try:
        return remembered_sha256(NOTES, file) if file.is_file() else None
    except OSError as error:
        return str(error)


def pinned_state(model: Model) -> str | None:
    """The same for the recipe or table that config.yaml names: as an input it counts when newer only."""
    pinned = model.settings.int8.pinned
    return _file_state(Path(pinned)) if pinned else None


def lock_settings(model: Model) -> dict[str, object]:
    """What a lock of int8 depends on of what config.yaml says of it."""
    int8 = model.settings.int8
    settings = {"target": int8.target.to_dict(), "objective": int8.objective, "pinned": pinned_state(model)}
    return int8.choice() | settings


set_state = cache(state_of)


def images_state(chosen: ChosenImages) -> str:
    """Changes when the chosen images do, if they are the user's; see `zoo.images.planned`."""
    return MADE_HERE if chosen.dataset else set_state(chosen.images)


def training_state(model: Model) -> str | list[str]:
    """Changes when the images do that a model is trained on, if they are the user's."""
    if training_dataset(model):
        return MADE_HERE
    return [set_state(part) for part in parts(model.spec.weights, Path(training_folder(model)))]


_BUILD_NOTHING = {
    *("--unlock", "--lint", "--list", "--list-rules", "-l", "--list-target-rules", "--lt"),
    *("--cleanup-metadata", "--cm", "--delete-all-output", "--delete-temp-output"),
}


def builds_nothing(arguments: Iterable[str]) -> bool:
    """Whether a command line of Snakemake neither builds nor plans, so that it takes nothing on trust."""
    return any(each.partition("=")[0] in _BUILD_NOTHING for each in arguments)


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
    whole = sorted({*others, *(path.removesuffix(SUFFIX) for path in others)})  # data is made with its model
    files, gone = ([shlex.quote(f"{root}/{path}") for path in paths] for paths in (others, whole))
    targets = [file for file, path in zip(gone, whole, strict=True) if re.fullmatch(possible(zoo), path)]
    command = f"rm {' '.join(gone)}" + (f" && snakemake {' '.join(targets)}" if targets else "")
    what = "is not what its job made" if len(files) == 1 else "are not what their jobs made"
    raise ZooError(f"{', '.join(files)} {what}: the content was changed since; make anew: {command}")
