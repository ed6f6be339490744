"""Where a model's weights come from, as `config.yaml` says it.

Read each time a build starts, so the standard library is all it needs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, Self, get_args
from urllib.parse import unquote, urlsplit

from zoo.config.training.recipe import FINE_TUNE, SCRATCH, TrainingRecipe
from zoo.errors import EntryError, ZooError, instead
from zoo.images.datasets import DATASETS
from zoo.images.splits import Split

WeightsKind = Literal["hub", "url", "file", "package", "train", "random", "own"]


_CONFIGURED = tuple(kind for kind in get_args(WeightsKind) if kind != "own")


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
    """Fields of `zoo.config.training.recipe.TrainingRecipe` that differ from its defaults."""

    @classmethod
    def from_config(cls, model: str, entry: Mapping[str, Any]) -> Self:
        """Read a `train:` entry without its images.

        Raises ZooError for a malformed split, or a start that is itself trained. Whether the recipe makes
        sense is known once it is known what is fine-tuned, see `WeightsSource.recipe`.
        """
        recipe = dict(entry)
        start = recipe.pop("from", None)
        split = {key: recipe.pop(key) for key in ("held_out", "split_seed") if key in recipe}
        source = None
        if start is not None:
            below = ("weights", "train", "from")
            source = WeightsSource.from_config(model, {} if start == "hub" else start, below=below)
            if source.kind == "train":
                raise ZooError(f"{model}: training starts from weights that are fetched, not trained")
        try:
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
    def from_config(
        cls,
        model: str,
        entry: Mapping[str, Any] | None,
        default: WeightsKind = "hub",
        below: tuple[str, ...] = ("weights",),
    ) -> Self:
        """Read a `weights:` entry; without one, or one that names no kind, they are of the kind `default`.
        below: the keys that lead to it in the model's entry.

        Raises ZooError if the entry names several kinds, an unknown option or a malformed value.
        """
        entry, where = dict(entry or {}), ("models", model, *below)
        kind = _kind_of(model, entry, default, where)
        location = None if kind == "own" else entry.pop(kind, None)
        if unknown := [key for key in entry if key not in _OPTIONS[kind]]:
            told = f"unknown {', '.join(unknown)}; {instead(unknown, _OPTIONS[kind])}"
            raise EntryError(f"{model}: weights from {kind}: {told}", (*where, unknown[0]))
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
        source._check(model, where)
        return source

    def _check(self, model: str, where: tuple[str, ...]) -> None:
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
            said = f"a hub repository is owner/name or owner/name@revision, and {self.location!r} is neither"
            raise EntryError(f"{model}: {said}", (*where, "hub"))
        if self.kind == "url" and not _is_address(str(self.location)):
            said = f"{self.location!r} is no address of a file, such as https://example.org/a.safetensors"
            raise EntryError(f"{model}: {said}", (*where, "url"))

    @property
    def random(self) -> bool:
        """True for weights that were never trained: their accuracy means nothing."""
        return self.kind == "random"

    @property
    def remote(self) -> bool:
        """True if fetching the weights needs a network (or a filled hub cache)."""
        start = self.training.start if self.training else None
        return self.kind in ("hub", "url") or (start is not None and start.remote)

    @property
    def recipe(self) -> TrainingRecipe:
        """The hyperparameters of a training: defaults, what its data set asks for, what its entry says.

        Raises ZooError for an unknown key or a value that makes no sense.
        """
        training = self.training or Training()
        defaults = SCRATCH if training.start is None or training.start.random else FINE_TUNE
        packaged = DATASETS.get(str(self.location))
        return TrainingRecipe.of(defaults, packaged.recipe if packaged else {}, training.recipe)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`."""
        training = data.get("training")
        if training is not None:
            start = training["start"]
            training = Training(**{**training, "start": None if start is None else cls.from_dict(start)})
        return cls(**{**data, "training": training})


def _kind_of(
    model: str, entry: Mapping[str, Any], default: WeightsKind, where: tuple[str, ...]
) -> WeightsKind:
    """The kind of source that an entry names. Raises EntryError, with the later one, if it names several."""
    named = [kind for kind in _CONFIGURED if kind in entry]
    if "file" in named and any("file" in _OPTIONS[kind] for kind in named):
        named.remove("file")
    if len(named) > 1:
        second = [key for key in entry if key in named][1]
        raise EntryError(
            f"{model}: weights come from one source, not from {' and '.join(named)}; leave out all but one",
            (*where, second),
        )
    return named[0] if named else default


def _is_address(text: str) -> bool:
    """As `zoo.models.hub.download_url` takes them."""
    try:
        name = PurePosixPath(unquote(urlsplit(text).path)).name
    except ValueError:
        return False
    return text.startswith(("http://", "https://")) and name != ""
