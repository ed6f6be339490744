"""What config.yaml may say both for the whole zoo and for one model, with the default of every key.

Read each time a build starts, so the standard library is all it needs.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, TypeVar

from zoo.config.artifacts import ARTIFACTS, FEW_BITS
from zoo.config.opset import DEFAULT_OPSET
from zoo.errors import ZooError, instead, refuse_unknown
from zoo.ncnn.options import Options


def overlay(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`own` over `base`, key by key at every depth; lists are replaced whole, and None takes a key away.

    This is how a model's settings lie over the zoo's, and nothing else is: `{int8: {min_cosine: 0.98}}` over
    `{int8: {min_cosine: 0.99, min_top1_agreement: 0.97}}` leaves the gate on agreement as it is.
    """
    merged = dict(base)
    for key, value in own.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = overlay(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


@dataclass(frozen=True)
class Limits:
    """Numbers that something must keep to; None: any will do."""

    def to_dict(self) -> dict[str, float]:
        """The limits that there are."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Gates(Limits):
    """What an artifact must reach to pass, over the verification images.

    min_cosine: of the worst image. min_sqnr_db: over all images, of the worst output, in dB; it sees scale.
    min_top1_agreement: share of images with the same first class. max_abs_error: between any two outputs.
    max_db_below_search: how far the SQNR of what was chosen layer by layer may be below what was measured of
    it then, on the same images.
    """

    min_cosine: float | None = None
    min_sqnr_db: float | None = None
    min_top1_agreement: float | None = None
    max_abs_error: float | None = None
    max_db_below_search: float | None = None


DEFAULT_GATES: Mapping[str, Gates] = {
    "fp32": Gates(min_cosine=0.9999, min_sqnr_db=66),
    "fp16": Gates(min_cosine=0.999, min_sqnr_db=36),
    "bf16": Gates(min_cosine=0.995, min_sqnr_db=22),
    "w8": Gates(min_cosine=0.999, min_sqnr_db=26),
    "w6": Gates(min_cosine=0.998, min_sqnr_db=24, max_db_below_search=3),
    "w4": Gates(min_cosine=0.98, min_sqnr_db=16, max_db_below_search=3),
    "int8": Gates(min_cosine=0.99, min_sqnr_db=20, min_top1_agreement=0.97, max_db_below_search=3),
}
"""By precision: several dB below what the embedded models' files reach, on a software GPU too."""

NO_GATES = "none"
"""What `gates` says in place of gates for there to be none."""


FASTEST, SMALLEST, MOST_FAITHFUL = OBJECTIVES = ("fastest", "smallest", "most_faithful")
BALANCED = "balanced"
"""Of int8 alone: the most faithful of those that are small and fast, see `zoo.search.choice`."""


def preference(objective: str, sqnr_db: float | None, size: int, ratio: float | None) -> tuple[float, float]:
    """What to sort by so that the best by one of OBJECTIVES comes first.

    size: bytes. ratio: of the time to fp32's; None where nothing can be timed, there the smallest counts as
    the fastest. A tie is broken by size, and that of two sizes by fidelity.
    """
    fidelity = -(sqnr_db if sqnr_db is not None else -1e9)
    if objective == MOST_FAITHFUL:
        return fidelity, size
    return (ratio, size) if objective == FASTEST and ratio is not None else (size, fidelity)


@dataclass(frozen=True)
class Target(Limits):
    """What int8 must reach beside fp32: SQNR in dB, percentage points of top-1, a factor of time; and how
    large its files may be, in 10**6 bytes."""

    min_sqnr_db: float | None = None
    max_top1_drop: float | None = None
    min_speedup: float | None = None
    max_mb: float | None = None


RECIPES = ("auto", "local", "plain", "absmax", "percentile", "mse", "kl", "kl_ncnn", "aciq")
"""The recipes that go by a name: a search, by each layer's error, and one for each observer."""


@dataclass(frozen=True)
class Int8:
    """How a model becomes ncnn's int8.

    recipe: auto, the name of a recipe, or a file. exclude: layers that stay float, by name or type. shards:
    how many jobs share the calibration images. lock: whether what was chosen is kept in a lock file and
    taken from it again, see `zoo.locks.lock`. objective: BALANCED or one of OBJECTIVES, by which the search
    takes one of the candidates that meet the target.
    """

    recipe: str = "auto"
    exclude: tuple[str, ...] = ()
    shards: int = 1
    target: Target = field(default_factory=Target)
    lock: bool = False
    objective: str = BALANCED

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES and not self.pinned:
            raise ZooError(
                f"int8: recipe: unknown {self.recipe!r}; {instead([self.recipe], RECIPES)} "
                "(a file's name ends with .json, for a recipe, or .table, for a calibration table)"
            )

    def choice(self) -> dict[str, Any]:
        """What decides which recipes are tried, as plain values."""
        return {"recipe": self.recipe, "exclude": list(self.exclude)}

    @property
    def pinned(self) -> str | None:
        """The file of a recipe or a calibration table that is taken without a search."""
        return self.recipe if self.recipe.endswith((".json", ".table")) else None


@dataclass(frozen=True)
class Fp16:
    """Which layers of ncnn's float16 files do not compute in float16, see `zoo.precision`.

    plan: on which devices that is found out: `auto`: on targets; True: on this machine's as well; False:
    nowhere. min_sqnr_db: what the fp16 artifact is to reach there, beside fp32, in dB.
    """

    plan: bool | str = "auto"
    min_sqnr_db: float | None = None

    def planned(self, on_target: bool) -> bool:
        """Whether layers get masks on a target, or on this machine's devices."""
        return on_target if self.plan == "auto" else bool(self.plan)


@dataclass(frozen=True)
class FewBits:
    """How large a file of `w4` or `w6` may be. max_size: its weights over those of fp32, in bytes; None: see
    `zoo.search.few_bits.NOMINAL`."""

    max_size: float | None = None


@dataclass(frozen=True)
class OnnxInt8:
    """How fp32.onnx becomes int8.

    calibration: one of `zoo.onnx.int8.CALIBRATIONS`, by which activations get their ranges. percentile: of
    the values, in percent, that the ranges of `percentile` keep. symmetric: activations as int8 around zero
    in place of uint8 with a zero point; weights are then int8 too. weights: one of `zoo.onnx.int8.WEIGHTS`.
    exclude: nodes that stay float, by name or operator.
    """

    calibration: str = "minmax"
    percentile: float = 99.999
    symmetric: bool = False
    weights: str = "uint8"
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vendor:
    """What vendor_bundle.zip holds: the type of the numbers in its calibration files."""

    calibration_data: str = "float32"


@dataclass(frozen=True)
class Regression:
    """How much worse than in the baseline a figure may be before `check_regressions` fails.

    sqnr_db: of the outputs, and of a layer, in dB. agreement, top1: shares, 0 to 1. size_percent,
    latency_percent: of the baseline's.
    """

    sqnr_db: float = 1.0
    agreement: float = 0.01
    top1: float = 0.005
    size_percent: float = 5.0
    latency_percent: float = 10.0


@dataclass(frozen=True)
class Best:
    """Which artifact is the one to ship, of those that pass their gates.

    objective: one of OBJECTIVES. max_latency_ms: the median. max_mb: of its files, in 10**6 bytes. threads:
    of the CPU, that it is timed with: 1, or all.
    """

    objective: str = FASTEST
    max_latency_ms: float | None = None
    max_mb: float | None = None
    threads: int | str = 1

    def __post_init__(self) -> None:
        if self.objective == MOST_FAITHFUL and self.max_latency_ms is None and self.max_mb is None:
            raise ZooError("best: the most faithful file is fp32; give max_latency_ms or max_mb with it")


@dataclass(frozen=True)
class Runtime:
    """What is set of ncnn's options for a model's ncnn artifacts.

    search: whether switches are searched for where the device can be timed; search_threads: the same for the
    number of threads. by_hand: artifact -> what is said of its options, which is not searched over.
    """

    search: bool = False
    search_threads: bool = False
    by_hand: Mapping[str, Options] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """From config.yaml. Raises ZooError for an unknown key, and for options that ncnn does not have."""
        refuse_unknown("runtime", entry, ("search", "search_threads", *RUNNABLE))
        by_hand = {}
        for name in RUNNABLE:
            try:
                said = Options.of(entry.get(name) or {})
            except ZooError as error:
                raise ZooError(f"runtime: {name}: {error}") from error
            if said:
                by_hand[name] = said
        return cls(entry.get("search", False), entry.get("search_threads", False), by_hand)

    @property
    def searches(self) -> bool:
        return self.search or self.search_threads


RUNNABLE = tuple(name for name, kind in ARTIFACTS.items() if kind.runtime == "ncnn")
"""The artifacts that ncnn runs."""


@dataclass(frozen=True)
class Signing:
    """How the manifest is signed: lines for a shell, see `zoo.provenance.signing`.

    command: writes the signature. verify: ends with status 0 if the signature is right.
    """

    command: str | None = None
    verify: str | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """From config.yaml. Raises ZooError for an unknown key."""
        return _made(cls, "signing", entry)


@dataclass(frozen=True)
class Settings:
    """What holds for one model: its own settings over the zoo's, over these defaults.

    artifacts: what is built without being asked for by name; None: see `zoo.config.zoo.Model.artifacts`.
    opset: of fp32.onnx. gates: by precision; those that nothing is said of are DEFAULT_GATES.
    """

    artifacts: tuple[str, ...] | None = None
    opset: int = DEFAULT_OPSET
    gates: Mapping[str, Gates] = field(default_factory=lambda: dict(DEFAULT_GATES))
    fp16: Fp16 = field(default_factory=Fp16)
    int8: Int8 = field(default_factory=Int8)
    w6: FewBits = field(default_factory=FewBits)
    w4: FewBits = field(default_factory=FewBits)
    onnx_int8: OnnxInt8 = field(default_factory=OnnxInt8)
    vendor: Vendor = field(default_factory=Vendor)
    regression: Regression = field(default_factory=Regression)
    best: Best = field(default_factory=Best)
    runtime: Runtime = field(default_factory=Runtime)

    @classmethod
    def of(cls, *layers: Mapping[str, Any]) -> Self:
        """The settings from entries of config.yaml, later ones over earlier ones; see `overlay`.

        Keys of the entries that are no settings are passed over. Raises ZooError for unknown keys below one.
        """
        defaults = {precision: gates.to_dict() for precision, gates in DEFAULT_GATES.items()}
        values: dict[str, Any] = {"gates": defaults}
        for layer in layers:
            said = {key: layer[key] for key in SETTINGS if key in layer}
            values = {"gates": defaults} | overlay(values, said)
        gates = {} if values["gates"] == NO_GATES else values["gates"]
        values["gates"] = {
            precision: _made(Gates, f"gates: {precision}", limits) for precision, limits in gates.items()
        }
        values["fp16"] = _made(Fp16, "fp16", values.get("fp16", {}))
        int8 = values.get("int8", {})
        target = _made(Target, "int8: target", int8.get("target", {}))
        values["int8"] = _made(Int8, "int8", int8 | {"target": target})
        for name in FEW_BITS:
            values[name] = _made(FewBits, name, values.get(name, {}))
        values["onnx_int8"] = _made(OnnxInt8, "onnx_int8", values.get("onnx_int8", {}))
        values["vendor"] = _made(Vendor, "vendor", values.get("vendor", {}))
        values["regression"] = _made(Regression, "regression", values.get("regression", {}))
        values["best"] = _made(Best, "best", values.get("best", {}))
        values["runtime"] = Runtime.of(values.get("runtime", {}))
        return _made(cls, "settings", values)


SETTINGS = tuple(each.name for each in fields(Settings))
"""The keys that config.yaml takes at its top and in a model's entry."""

_Section = TypeVar("_Section")


def _made(section: type[_Section], where: str, values: Mapping[str, Any]) -> _Section:
    """A section from its keys, lists as tuples. Raises ZooError for an unknown key."""
    names = [each.name for each in fields(section)]  # type: ignore[arg-type]
    refuse_unknown(where, values, names)
    listed = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return section(**{**values, **listed})
