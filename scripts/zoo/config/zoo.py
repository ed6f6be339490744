"""The zoo as config.yaml declares it: its models, each with what it is and the settings that hold for it.

Read each time a build starts, so the standard library is all it needs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from zoo.config.artifacts import ARTIFACTS, BY_NAME, DEVICES, FEW_BITS
from zoo.config.checks.entry import check_spec
from zoo.config.checks.sweep import part_of
from zoo.config.model_spec import MODEL_KEYS, ModelSpec
from zoo.config.opset import opset_of
from zoo.config.settings import SETTINGS, FewBits, Settings, Signing
from zoo.config.shared_cache import SharedCache
from zoo.config.targets import TAKEN, Target
from zoo.config.training.images import IMAGES, is_packaged, training_classes, with_classes
from zoo.errors import EntryError, ZooError, meant, refuse_unknown

PURPOSES = tuple(IMAGES)
"""What images are for: calibration, verification and evaluation."""


NO_VULKAN = (
    "No Vulkan device found: building for cpu only. Install a Vulkan driver (Debian: libvulkan1 and "
    "mesa-vulkan-drivers for a software one) or set devices: [cpu, gpu] to insist."
)


@dataclass(frozen=True)
class Demands:
    """What a training asks of the machine; memory in MB as Snakemake counts them."""

    threads: int
    mem_mb: int
    gpu: int


@dataclass(frozen=True)
class Model:
    """A model of the zoo.

    spec: what it is. settings: how it is built and judged. choices: by purpose, the images that its entry
    chooses itself.
    """

    spec: ModelSpec
    settings: Settings = field(default_factory=Settings)
    choices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, entry: Mapping[str, Any], zoo: Mapping[str, Any]) -> Self:
        """A model from its entry and the configuration that the entry is part of.

        Raises ZooError for an unknown key, and for what `ModelSpec.from_config` refuses.
        """
        if not isinstance(entry, Mapping):
            raise ZooError(f"{name}: say which model it is, for example timm: convnext_atto.d2_in1k")
        refuse_unknown(name, entry, (*MODEL_KEYS, *SETTINGS, *PURPOSES))
        spec = ModelSpec.from_config(name, {key: entry[key] for key in MODEL_KEYS if key in entry})
        try:
            settings = Settings.of(zoo, entry)
        except ZooError as error:
            raise ZooError(f"{name}: {error}") from error
        return cls(spec, settings, {purpose: entry[purpose] for purpose in PURPOSES if purpose in entry})

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def trained(self) -> bool:
        """Whether its weights are trained in this zoo."""
        return self.spec.weights.kind == "train"

    @property
    def trained_on_packaged(self) -> bool:
        """Whether it is trained on one of `zoo.images.datasets`, which a rule writes out."""
        return self.trained and is_packaged(self.spec.weights)

    @property
    def imported(self) -> bool:
        """Whether it is a file that holds architecture and weights."""
        return self.spec.kind.is_file

    @property
    def fetched(self) -> bool:
        """Whether its weights come from elsewhere into a file of tensors."""
        return not self.trained and not self.imported

    @property
    def completed_spec(self) -> ModelSpec:
        """The specification; of a model that is trained here, with as many outputs as there are classes."""
        if not self.trained:
            return self.spec
        try:
            return with_classes(self.spec, len(training_classes(self.spec.weights)))
        except (ZooError, OSError):
            return self.spec  # the training says what is wrong, for its own model only

    @cached_property
    def spec_values(self) -> dict[str, Any]:
        """The same as plain values, for jobs; many ask."""
        return self.completed_spec.to_dict()

    @property
    def training_demands(self) -> Demands:
        """A packaged data set is small, and its weights must not depend on the number of threads."""
        return Demands(1, 4000, 0) if self.trained_on_packaged else Demands(8, 12000, 1)

    def opset_of(self, artifact: str) -> int | None:
        """The opset that an artifact is to be in; None if it is no ONNX file."""
        return opset_of(artifact, self.settings.opset)

    def gates(self, precision: str, device: str = "cpu") -> dict[str, float]:
        """The gates of a precision, those that there are; a target judges nothing by what a search measured,
        for that was done on another machine."""
        gates = self.settings.gates.get(precision)
        left_out = () if device in DEVICES else ("max_db_below_search",)
        found = gates.to_dict() if gates else {}
        return {name: value for name, value in found.items() if name not in left_out}

    def max_size(self, precision: str) -> float | None:
        """How large a file of one of FEW_BITS may be, see `FewBits`."""
        settings: FewBits = getattr(self.settings, precision)
        return settings.max_size

    def fp16_wanted(self, device: str) -> dict[str, float | None]:
        """What fp16 is to reach with masks on its layers, in dB: as asked for, and its gate."""
        gate = self.gates("fp16", device).get("min_sqnr_db")
        return {"asked": self.settings.fp16.min_sqnr_db, "gate": gate}

    def artifacts(self, device: str) -> list[str]:
        """The artifacts that are built without being asked for by name: those that config.yaml lists, or all
        but BY_NAME.

        On all but cpu these are ncnn's: what runs elsewhere is the same file as on cpu. A model that is an
        ONNX file need not have the form of TorchScript. A GPU has none of FEW_BITS.
        """
        left_out = {*BY_NAME, *self.spec.kind.without}
        listed = self.settings.artifacts
        names = [name for name in ARTIFACTS if name not in left_out] if listed is None else listed
        if device == "gpu":
            names = [name for name in names if name not in FEW_BITS]
        return [name for name in names if device == "cpu" or ARTIFACTS[name].runtime == "ncnn"]


@dataclass(frozen=True)
class Zoo:
    """All that config.yaml says.

    devices: what is built for; None: see which the machine has. streams: that a benchmark keeps in flight;
    None: as many as the machine is good for. image_sets, defaults: as they are written, see
    `zoo.config.image_choice`. baseline: the file of figures that builds are compared with. sweep: the part of
    the architectures that a sweep takes; None: all. signing: of the manifest. cache: what is shared. targets:
    devices that are not this machine. agent_layers: ncnn's layer types that the agent on them has; None: all.
    home: the folder of ncnn-zoo, whose own images are found from any other.
    """

    models: Mapping[str, Model]
    devices: tuple[str, ...] | None = None
    streams: int | None = None
    image_sets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    baseline: str = "baseline.jsonl"
    sweep: str | None = None
    signing: Signing = field(default_factory=Signing)
    cache: SharedCache = field(default_factory=SharedCache)
    targets: Mapping[str, Target] = field(default_factory=dict)
    agent_layers: tuple[str, ...] | None = None
    home: Path = Path()

    @classmethod
    def of(cls, config: Mapping[str, Any], home: Path = Path()) -> Self:
        """Read a configuration.

        Raises EntryError, in a sentence that names the model, for what no zoo can be made of.
        """
        with _placing(config):
            return cls._read(config, home)

    @classmethod
    def _read(cls, config: Mapping[str, Any], home: Path) -> Self:
        keys = [each.name for each in fields(cls) if each.name != "home"]
        refuse_unknown("config.yaml", config, (*keys, *SETTINGS))
        models = config.get("models")
        if not isinstance(models, Mapping):
            raise ZooError("no models are declared; add models: {mine: {timm: convnext_atto.d2_in1k}}")
        Settings.of(config)
        part_of(config.get("sweep"))
        _check_names("targets", config.get("targets") or (), TAKEN)
        targets = {name: Target.of(name, entry) for name, entry in (config.get("targets") or {}).items()}
        devices = config.get("devices", "auto")
        known = (*DEVICES, *targets)
        if unknown := [each for each in devices if each not in known] * (devices != "auto"):
            text = f"devices: {no_device(unknown[0], targets)}"
            raise EntryError(text, ("devices", devices.index(unknown[0])))
        layers = config.get("agent_layers")
        _check_layers(layers or ())
        _check_names("models", models)
        _check_images(config)
        return cls(
            models={name: _model(name, entry, config) for name, entry in models.items()},
            devices=None if devices == "auto" else tuple(devices),
            streams=config.get("streams"),
            image_sets=config.get("image_sets") or {},
            defaults=config.get("defaults") or {},
            baseline=config.get("baseline") or cls.baseline,
            sweep=config.get("sweep"),
            signing=Signing.of(config.get("signing") or {}),
            cache=SharedCache.of(config.get("cache") or {}),
            targets=targets,
            agent_layers=None if layers is None else tuple(layers),
            home=home,
        )

    @property
    def embedded(self) -> list[str]:
        """The models whose weights need no network."""
        return [name for name, model in self.models.items() if not model.spec.weights.remote]

    @property
    def all_devices(self) -> tuple[str, ...]:
        """The devices that anything can be built for."""
        return (*DEVICES, *self.targets)


def no_device(name: str, targets: Iterable[str]) -> str:
    """What is said of a name that is no device, with the targets that there are, and the nearest."""
    targets = list(targets)
    near = meant([name], (*DEVICES, *targets))
    return f"{name} is neither cpu nor gpu, nor one of targets ({_list(targets)}){near and f'; {near}'}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "there are none"


def _model(name: str, entry: Any, config: Mapping[str, Any]) -> Model:
    """`Model.of`, whose errors then know what part of the entry they are about."""
    try:
        model = Model.of(name, entry, config)
        check_spec(model.spec)
        return model
    except EntryError:
        raise
    except ZooError as error:
        about = str(error).removeprefix(f"{name}: ")
        raise EntryError(str(error), ("models", name, *_named(entry, about))) from error


def _check_names(key: str, names: Iterable[str], taken: Iterable[str] = ()) -> None:
    """Raises EntryError for two names, or one and one that is taken, that differ in upper and lower case
    only."""
    first = {each.lower(): each for each in taken}
    for name in names:
        if (other := first.setdefault(str(name).lower(), str(name))) != name:
            raise EntryError(
                f"{key}: {name} differs from {other} in upper and lower case only, which not every disk "
                "tells apart; give it another name",
                (key, str(name)),
            )


def _check_layers(layers: Sequence[str]) -> None:
    """Raises EntryError for a layer that ncnn does not have."""
    if not layers:
        return
    from zoo.ncnn.layouts import TYPES

    for index, name in enumerate(layers):
        if name not in TYPES:
            near = meant([name], sorted(TYPES)) or "its names are those of the layers in a .param"
            raise EntryError(
                f"agent_layers: ncnn has no layer {name}; {near}",
                ("agent_layers", index),
            )


def _check_images(config: Mapping[str, Any]) -> None:
    """Raises EntryError for a set of images that is named and not declared."""
    places = [("defaults",), *(("models", name) for name in config["models"])]
    for place in places:
        entry: Any = config
        for key in place:
            entry = entry.get(key) or {}
        for purpose in PURPOSES:
            name = (entry.get(purpose) or {}).get("set")
            if name is not None and name not in (declared := config.get("image_sets") or {}):
                about = f"{': '.join((*place, purpose))}: no image set is called {name}"
                said = meant([name], declared) or f"declared are: {', '.join(declared) or 'none'}"
                raise EntryError(f"{about}; {said}", (*place, purpose, "set"))


@contextmanager
def _placing(config: Mapping[str, Any]) -> Iterator[None]:
    """A ZooError of the block is an EntryError."""
    try:
        yield
    except EntryError:
        raise
    except ZooError as error:
        raise EntryError(str(error), _named(config, str(error))) from error


def _named(values: Any, text: str) -> tuple[str, ...]:
    """The keys that lead to the innermost value that a sentence names: it names the outer ones first."""
    if not isinstance(values, Mapping):
        return ()
    places = {key: re.search(rf"\b{re.escape(str(key))}\b", text) for key in values}
    found = {key: place.start() for key, place in places.items() if place}
    if not found:
        return ()
    key = min(found, key=lambda each: found[each])
    return (key, *_named(values[key], text[found[key] :]))
