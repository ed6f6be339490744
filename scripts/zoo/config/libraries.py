"""What a model can be built by, as far as it must be known before a library is loaded: a row each.

All else that differs between libraries is in `zoo.models.libraries`, which loads them. Imported while
Snakemake parses the rules, so the standard library is all it needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

LibraryName = Literal["timm", "torchvision", "open_clip", "module", "onnx", "torchscript"]
"""A library, a function of the user's own (`module`), or a file that holds the model."""


@dataclass(frozen=True)
class LibraryKind:
    """What is known of the models of one library."""

    name: LibraryName
    names_models: bool = True
    """An architecture is a name that the library has, not the user's own function or file."""
    tags: bool = False
    """A name may end in the tag of weights, from which a training then starts: `convnext_atto.d2_in1k`."""
    classes_argument: str | None = None
    """The argument that says how many classes a model tells."""
    reserved_arguments: tuple[str, ...] = ()
    """Arguments that say where weights come from or how to build, which the zoo decides."""
    brings_weights: bool = False
    """The function or file of the architecture has weights of its own."""
    is_file: bool = False
    """The model is a file: nothing is built, and it is not rewritten."""
    is_user_code: bool = False
    """An edit of the user's own module changes the model."""
    suffix: str = ".safetensors"
    """Of the file in which the zoo keeps the weights, or the whole model."""
    runtime: str = "torch"
    """What gives the reference outputs of the untouched model."""
    is_artifact: str | None = None
    """The artifact that the file is already."""
    without: tuple[str, ...] = ()
    """Artifacts that need not exist for such a model, and are built only if they are asked for."""


_OF_CREATE_MODEL = (  # see timm.create_model
    "cache_dir",
    "checkpoint_path",
    "exportable",
    "features_only",
    "no_jit",
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "scriptable",
)

LIBRARIES: Mapping[LibraryName, LibraryKind] = {
    kind.name: kind
    for kind in (
        LibraryKind("timm", tags=True, classes_argument="num_classes", reserved_arguments=_OF_CREATE_MODEL),
        LibraryKind("torchvision", tags=True, classes_argument="num_classes"),
        LibraryKind("open_clip"),
        LibraryKind("module", names_models=False, brings_weights=True, is_user_code=True),
        LibraryKind(
            "onnx",
            names_models=False,
            brings_weights=True,
            is_file=True,
            suffix=".onnx",
            runtime="onnxruntime",
            is_artifact="fp32.onnx",
            without=("torchscript",),
        ),
        LibraryKind(
            "torchscript",
            names_models=False,
            brings_weights=True,
            is_file=True,
            suffix=".pt",
            is_artifact="torchscript",
        ),
    )
}
assert tuple(LIBRARIES) == get_args(LibraryName)
