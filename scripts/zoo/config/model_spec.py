"""What `config.yaml` says about one model: its architecture and where its weights come from.

Imported while Snakemake parses the rules, so the standard library is all it needs.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, get_args

from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError, refuse_unknown

Library = Literal["timm", "torchvision", "open_clip", "module", "onnx", "torchscript"]
"""What an architecture is built by: a library, a function of the user's own, or a file that holds it."""

FILES: Mapping[str, str] = {"onnx": ".onnx", "torchscript": ".pt"}
"""The libraries that are files, which bring their weights along, and the suffix of these files."""

PREPROCESS_KEYS = ("size", "crop_pct", "crop_mode", "interpolation", "mean", "std", "channels")

_KEYS = (
    "args",
    "weights",
    "preprocess",
    "inputs",
    "second_size",
    "task",
    "licence",
    "labels",
)
MODEL_KEYS = (*get_args(Library), *_KEYS)
"""The keys of a model's entry that a specification is made of."""

# The arguments of timm.create_model that say where weights come from or how to build: decided here.
_RESERVED_ARGS = (
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


@dataclass(frozen=True)
class ModelSpec:
    """One model of the zoo, as the configuration declares it."""

    name: str
    library: Library
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
    task: str | None = None
    """classification or other; None: what its outputs look like."""
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
        named: list[Library] = [library for library in get_args(Library) if library in entry]
        if len(named) != 1 or not isinstance(entry[named[0]], str):
            raise ZooError(
                f"{name}: say which model it is by one of {', '.join(get_args(Library))}, for example "
                "timm: convnext_atto.d2_in1k"
            )
        (library,) = named
        args = dict(entry.get("args") or {})
        preprocess = dict(entry.get("preprocess") or {})
        if args and library in FILES:
            raise ZooError(f"{name}: args are for what builds a model; {entry[library]} is built already")
        for reserved in _RESERVED_ARGS if library == "timm" else ():
            if reserved in args:
                raise ZooError(
                    f"{name}: args must not contain {reserved}; use weights: to say where they are"
                )
        refuse_unknown(f"{name}: preprocess", preprocess, PREPROCESS_KEYS)
        weights = entry.get("weights")
        own = library in (*FILES, "module")
        if library in FILES and set(weights or ()) - {"sha256"}:
            raise ZooError(f"{name}: {entry[library]} holds its weights; of weights only sha256 can be given")
        if library == "module" and set(weights or ()) == {"sha256"}:
            raise ZooError(
                f"{name}: sha256 is of a file of weights; say where it comes from (weights: {{file: …}})"
            )
        return cls(
            name=name,
            library=library,
            architecture=entry[library],
            args=args,
            weights=_starting(
                WeightsSource.from_config(name, weights, "own" if own else "hub"), library, entry[library]
            ),
            preprocess=preprocess,
            inputs=[dict(each) for each in entry.get("inputs") or []],
            second_size=entry.get("second_size"),
            task=entry.get("task"),
            licence=entry.get("licence"),
            labels=entry.get("labels"),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**data, "weights": WeightsSource.from_dict(data["weights"])})

    @property
    def title(self) -> str:
        """The architecture as messages call it."""
        return f"{self.library}'s {self.architecture}" if self.named else self.architecture

    @property
    def named(self) -> bool:
        """Whether the architecture is one that a library knows by name."""
        return self.library in ("timm", "torchvision", "open_clip")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, fit for a Snakemake `params:`."""
        return asdict(self)


def _starting(weights: WeightsSource, library: Library, architecture: str) -> WeightsSource:
    """A training of a model with a tag starts from the weights that the tag names, unless told otherwise."""
    tagged = library in ("timm", "torchvision") and "." in architecture
    if weights.training is None or weights.training.start is not None or not tagged:
        return weights
    return replace(weights, training=replace(weights.training, start=WeightsSource()))
