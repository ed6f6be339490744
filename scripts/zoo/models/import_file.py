"""A model that a file holds, checked where it lies."""

import shutil
from pathlib import Path

from zoo.config.model_spec import ModelSpec
from zoo.models.architecture import build
from zoo.models.checkpoint import check_sha256
from zoo.models.libraries import Traits, library, onnx_file
from zoo.models.libraries.onnx_data import data_files, write_model, write_whole
from zoo.models.traits import preprocess_record, traits_of
from zoo.models.weights import Source, check_finite


def import_file(spec: ModelSpec) -> tuple[Traits, Source]:
    """What the model of the file `spec.architecture` is like, and its origin.

    Raises ZooError, without naming the model, if the file is missing, damaged, not the one that the
    configuration's digest says, holds NaN or infinity, or does not take the inputs that are declared.
    """
    path = Path(spec.architecture)
    parts = data_files(path) if spec.library == "onnx" else []
    digest = check_sha256(path, spec.weights.sha256, parts)  # before anything of the file is run
    traits = library(spec).traits(spec, preprocess_record(spec))
    if traits is None:
        module = build(spec, spec.weights.seed)
        check_finite(path, module.state_dict())
        traits = traits_of(spec, module)
    source: Source = {"kind": spec.library, "location": spec.architecture, "sha256": digest}
    return traits, source | ({"changes": list(traits.changes)} if traits.changes else {})


def keep(spec: ModelSpec, target: Path, changed: bool = False) -> None:
    """Copy the file that holds a model into the zoo; an ONNX file together with its data, as one file.

    changed: write the model as the zoo takes it, see `Traits.changes`.
    """
    if changed:
        write_model(onnx_file.accept(spec).model, target)
    elif spec.library == "onnx":
        write_whole(Path(spec.architecture), target)
    else:
        shutil.copyfile(spec.architecture, target)
