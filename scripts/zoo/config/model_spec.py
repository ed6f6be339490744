"""What `config.yaml` says about one model: its architecture and where its weights come from.

Imported while Snakemake parses the rules, so the standard library is all it needs.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from zoo.config.libraries import LIBRARIES, LibraryKind, LibraryName
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError, refuse_unknown

PREPROCESS_KEYS = ("size", "crop_pct", "crop_mode", "interpolation", "mean", "std", "channels")
LAYOUTS = ("nchw", "nhwc")

_KEYS = (
    "args",
    "weights",
    "preprocess",
    "inputs",
    "second_size",
    "layout",
    "task",
    "output",
    "licence",
    "labels",
)
MODEL_KEYS = (*LIBRARIES, *_KEYS)
"""The keys of a model's entry that a specification is made of."""


@dataclass(frozen=True)
class ModelSpec:
    """One model of the zoo, as the configuration declares it."""

    name: str
    library: LibraryName
    architecture: str
    """The library's name of it, with the tag of its weights if it has one: `convnext_atto.d2_in1k`; the
    `module:function` that builds it; or the path of the file that holds it."""
    args: dict[str, Any] = field(default_factory=dict)
    """Arguments for what builds it."""
    weights: WeightsSource = field(default_factory=WeightsSource)
    preprocess: dict[str, Any] = field(default_factory=dict)
    """Keys of the library's preprocessing record to override; `size` is [height, width]."""
    inputs: list[dict[str, Any]] = field(default_factory=list)
    """The model's inputs where it takes more than one image, see `zoo.images.inputs.Input`."""
    second_size: list[int] | None = None
    """Another [height, width] that a model of one image must take."""
    layout: str | None = None
    """Of the images of an ONNX file: nchw or nhwc; None: what their shapes look like."""
    task: str | None = None
    """classification or other; None: what its outputs look like."""
    output: str | None = None
    """What a classifier's numbers are, see `zoo.config.records.card`; None: what its graph ends in."""
    licence: str | None = None
    labels: str | None = None
    """Path of a text file with one class name a line."""

    @classmethod
    def from_config(cls, name: str, entry: Mapping[str, Any]) -> Self:
        """Read one entry of `models:`.

        Raises ZooError unless it names one architecture, for unknown keys, or for arguments that the zoo sets
        itself.
        """
        refuse_unknown(name, entry, MODEL_KEYS)
        kind = _library_of(name, entry)
        preprocess = dict(entry.get("preprocess") or {})
        refuse_unknown(f"{name}: preprocess", preprocess, PREPROCESS_KEYS)
        return cls(
            name=name,
            library=kind.name,
            architecture=entry[kind.name],
            args=_arguments(name, entry, kind),
            weights=_weights(name, entry, kind),
            preprocess=preprocess,
            inputs=[dict(each) for each in entry.get("inputs") or []],
            second_size=entry.get("second_size"),
            layout=_layout(name, entry, kind),
            task=entry.get("task"),
            output=entry.get("output"),
            licence=entry.get("licence"),
            labels=entry.get("labels"),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**data, "weights": WeightsSource.from_dict(data["weights"])})

    @property
    def kind(self) -> LibraryKind:
        """What is known of its library."""
        return LIBRARIES[self.library]

    @property
    def title(self) -> str:
        """The architecture as messages call it."""
        return f"{self.library}'s {self.architecture}" if self.kind.names_models else self.architecture

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, fit for a Snakemake `params:`."""
        return asdict(self)


def _library_of(name: str, entry: Mapping[str, Any]) -> LibraryKind:
    named = [library for library in LIBRARIES if library in entry]
    if len(named) != 1 or not isinstance(entry[named[0]], str):
        raise ZooError(
            f"{name}: say which model it is by one of {', '.join(LIBRARIES)}, for example "
            "timm: convnext_atto.d2_in1k"
        )
    return LIBRARIES[named[0]]


def _layout(name: str, entry: Mapping[str, Any], kind: LibraryKind) -> str | None:
    layout: str | None = entry.get("layout")
    if layout is not None and kind.name != "onnx":
        raise ZooError(f"{name}: layout is that of an ONNX file's images; all other models take NCHW")
    if layout not in (None, *LAYOUTS):
        raise ZooError(f"{name}: layout must be {' or '.join(LAYOUTS)}, not {layout!r}")
    return layout


def _arguments(name: str, entry: Mapping[str, Any], kind: LibraryKind) -> dict[str, Any]:
    arguments = dict(entry.get("args") or {})
    if arguments and kind.is_file:
        raise ZooError(f"{name}: args are for what builds a model; {entry[kind.name]} is built already")
    for reserved in kind.reserved_arguments:
        if reserved in arguments:
            raise ZooError(f"{name}: args must not contain {reserved}; use weights: to say where they are")
    return arguments


def _weights(name: str, entry: Mapping[str, Any], kind: LibraryKind) -> WeightsSource:
    given = entry.get("weights")
    if kind.is_file and set(given or ()) - {"sha256"}:
        raise ZooError(f"{name}: {entry[kind.name]} holds its weights; of weights only sha256 can be given")
    if kind.brings_weights and not kind.is_file and set(given or ()) == {"sha256"}:
        raise ZooError(
            f"{name}: sha256 is of a file of weights; say where it comes from (weights: {{file: …}})"
        )
    weights = WeightsSource.from_config(name, given, "own" if kind.brings_weights else "hub")
    weights = _starting(weights, tagged=kind.tags and "." in entry[kind.name])
    try:
        _ = weights.recipe
    except ZooError as error:
        raise ZooError(f"{name}: {error}") from error
    return weights


def _starting(weights: WeightsSource, tagged: bool) -> WeightsSource:
    """A training of a model with a tag starts from the weights that the tag names, unless told otherwise."""
    if weights.training is None or weights.training.start is not None or not tagged:
        return weights
    return replace(weights, training=replace(weights.training, start=WeightsSource()))
