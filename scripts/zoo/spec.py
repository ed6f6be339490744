"""What `config.yaml` says about one model: its architecture and where its weights come from.

Imported while Snakemake parses the rules, so the standard library is all it needs.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, get_args

from zoo.errors import ZooError
from zoo.splits import Split
from zoo.training_recipe import TrainingRecipe

Library = Literal["timm", "torchvision", "open_clip", "module", "onnx", "torchscript"]
"""What an architecture is built by: a library, a function of the user's own, or a file that holds it."""

FILES: Mapping[str, str] = {"onnx": ".onnx", "torchscript": ".pt"}
"""The libraries that are files, which bring their weights along, and the suffix of these files."""

WeightsKind = Literal["hub", "url", "file", "package", "train", "random", "own"]
_CONFIGURED = tuple(kind for kind in get_args(WeightsKind) if kind != "own")
PREPROCESS_KEYS = ("size", "crop_pct", "crop_mode", "interpolation", "mean", "std", "channels")

# The options beside the key that names the kind. `file` is a kind of its own, an option of hub and package.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "hub": ("file", "sha256"),
    "url": ("sha256", "keys"),
    "file": ("sha256", "keys"),
    "package": ("file", "sha256", "keys"),
    "train": ("seed",),
    "random": (),
    "own": ("sha256",),
}
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
class Training:
    """How weights are trained, beside the images that they are trained on."""

    start: "WeightsSource | None" = None
    """Where the weights come from that are fine-tuned; None trains from scratch."""
    held_out: float = 0.2
    """Share of the images of each class that are kept apart, where the folder is not split already."""
    split_seed: int = 0
    """Decides which these are."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """Fields of `zoo.training_recipe.TrainingRecipe` that differ from its defaults."""

    @classmethod
    def from_config(cls, model: str, entry: Mapping[str, Any]) -> Self:
        """Read a `train:` entry without its images.

        Raises ZooError for an unknown key, a malformed value, or a start that is itself trained.
        """
        recipe = dict(entry)
        start = recipe.pop("from", None)
        split = {key: recipe.pop(key) for key in ("held_out", "split_seed") if key in recipe}
        source = None
        if start is not None:
            source = WeightsSource.from_config(model, {} if start == "hub" else start)
            if source.kind == "train":
                raise ZooError(f"{model}: training starts from weights that are fetched, not trained")
        try:
            TrainingRecipe.of(recipe)
            Split("train", split.get("held_out", 0.2), split.get("split_seed", 0))
        except ZooError as error:
            raise ZooError(f"{model}: {error}") from error
        return cls(start=source, recipe=recipe, **split)


@dataclass(frozen=True)
class WeightsSource:
    """Where a model's weights come from.

    kind and location go together: hub, a repository `owner/name[@revision]` or None for the one that
    the architecture's tag names; url, an address; file, a path; package, the name of an installed
    distribution; train, a packaged data set or a folder of class folders; random, None; own, None: the
    weights that the file or the function of the architecture brings along.
    """

    kind: WeightsKind = "hub"
    location: str | None = None
    file: str | None = None
    """hub: the file in the repository; package: a glob pattern for the file inside the package."""
    sha256: str | None = None
    """Digest that the fetched file must have, in hex."""
    keys: Literal["name", "order"] = "name"
    """Tensors are matched by name, or, when the names are foreign, one after the other."""
    seed: int = 0
    """Seed of a training or of a random initialization."""
    training: Training | None = None
    """train: how."""

    @classmethod
    def from_config(cls, model: str, entry: Mapping[str, Any] | None, default: WeightsKind = "hub") -> Self:
        """Read a `weights:` entry; without one, or one that names no kind, they are of the kind `default`.

        Raises ZooError if the entry names no kind, an unknown option or a malformed value.
        """
        entry = dict(entry or {})
        named = [kind for kind in _CONFIGURED if kind in entry]
        if "file" in named and len(named) > 1:
            named.remove("file")
        if len(named) > 1:
            raise ZooError(f"{model}: weights come from one source, not from {' and '.join(named)}")
        kind: WeightsKind = named[0] if named else default
        location = entry.pop(kind, None) if named else None
        _refuse_unknown(f"{model}: weights from {kind}", entry, _OPTIONS[kind])
        if kind == "random":
            entry["seed"], location = location, None
        elif location is None and kind not in ("hub", "own"):
            raise ZooError(f"{model}: weights from {kind} need a value")
        if kind == "package":
            entry.setdefault("keys", "order")
        if kind == "train":
            settings = dict(location) if isinstance(location, Mapping) else {"images": location}
            location = settings.pop("images", None)
            if location is None:
                raise ZooError(f"{model}: say which images to train on (train: {{images: …}})")
            entry["training"] = Training.from_config(model, settings)
        source = cls(kind=kind, location=None if location is None else str(location), **entry)
        source._check(model)
        return source

    def _check(self, model: str) -> None:
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or self.seed < 0:
            raise ZooError(f"{model}: the seed must be a whole number from 0, not {self.seed!r}")
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", str(self.sha256)):
            raise ZooError(f"{model}: sha256 must be 64 hexadecimal digits, not {self.sha256!r}")
        if self.keys not in ("name", "order"):
            raise ZooError(f"{model}: keys must be name or order, not {self.keys!r}")
        if (
            self.kind == "hub"
            and self.location
            and not re.fullmatch(r"[^/@]+/[^/@]+(@[^@]+)?", self.location)
        ):
            raise ZooError(
                f"{model}: a hub repository is owner/name or owner/name@revision: {self.location!r}"
            )

    @property
    def random(self) -> bool:
        """True for weights that were never trained: their accuracy means nothing."""
        return self.kind == "random"

    @property
    def remote(self) -> bool:
        """True if fetching the weights needs a network (or a filled hub cache)."""
        start = self.training.start if self.training else None
        return self.kind in ("hub", "url") or (start is not None and start.remote)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`."""
        training = data.get("training")
        if training is not None:
            start = training["start"]
            training = Training(**{**training, "start": None if start is None else cls.from_dict(start)})
        return cls(**{**data, "training": training})


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
    """The model's inputs where it takes more than one image, see `zoo.inputs.Input`."""
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
        _refuse_unknown(name, entry, MODEL_KEYS)
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
        _refuse_unknown(f"{name}: preprocess", preprocess, PREPROCESS_KEYS)
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


def _refuse_unknown(what: str, entry: Mapping[str, Any], known: Collection[str]) -> None:
    unknown = sorted(set(entry) - set(known))
    if unknown:
        choice = f"it takes {', '.join(known)}" if known else "it takes no other key"
        raise ZooError(f"{what}: unknown {', '.join(unknown)}; {choice}")
