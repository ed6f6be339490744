"""The int8 recipe: how each layer of a model is stored, and how its int8 form is found. Data only."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.jobs.records import read_json, write_json
from zoo.ncnn.group_wise import BITS, BLOCK_SIZES
from zoo.quantize.table import CalibrationTable, format_table, parse_table

PRECISIONS = ("int8", "fp16", "fp32")
THROUGH = ("quantize", "norm")
ROUNDINGS = ("nearest", "gptq")
GELUS = ("erf", "tanh")
FORMAT = 1
AGAIN = "delete it to have it made again"


@dataclass(frozen=True)
class LayerPlan:
    """What happens to one layer; all but `precision` concerns int8 layers.

    precision: of the stored weights. int8 layers compute in int8 too, the others as the runtime likes.
    observer, percent: how the clipping threshold of the input is found, see `zoo.calibration.observers`.
    margin: a factor on every threshold.
    alpha: None for one threshold. A number from 0 to 1 for thresholds by channel, see
        `zoo.quantize.local_error.clips`.
    through: what applies thresholds by channel: a `quantize` layer (see `zoo.quantize.channel_scales`), or
        the `norm` before, a LayerNorm that divides by them (SmoothQuant, see `zoo.quantize.smoothing`).
    shift: what is subtracted from the input so that its range is centred, a zero point that the bias takes
        back (see `zoo.quantize.centring`).
    rounding: of the weights: `nearest`, or `gptq` (see `zoo.quantize.gptq`).
    bias_correction: whether the mean error is taken back by the bias.
    block: for a Gemm or attention with group-wise weights, a scale for so many inputs, whose input the
        runtime quantizes (see `zoo.quantize.blocks`), and for a convolution that becomes such a Gemm (see
        `zoo.quantize.forms`); there `alpha` gives scales by channel to the input,
        and all else but `rounding` has no meaning. None: one threshold, found beforehand, for the input.
    bits: of a weight in blocks. With 4 and 6 the layer is int8 in name only: it computes in float.
    """

    precision: str = "int8"
    observer: str = "absmax"
    percent: float = 99.99
    margin: float = 1.0
    alpha: float | None = None
    through: str = "quantize"
    shift: float = 0.0
    rounding: str = "nearest"
    bias_correction: bool = True
    block: int | None = None
    bits: int = 8

    def __post_init__(self) -> None:
        for field, value, choices in (
            ("precision", self.precision, PRECISIONS),
            ("through", self.through, THROUGH),
            ("rounding", self.rounding, ROUNDINGS),
        ):
            if value not in choices:
                raise ZooError(f"recipe: unknown {field} {value!r}; known: {', '.join(choices)}")
        if not self.margin > 0:
            raise ZooError(f"recipe: a margin must be above 0, not {self.margin}")
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise ZooError(f"recipe: alpha must be from 0 to 1, not {self.alpha}")
        if self.observer != "absmax" and (self.alpha is not None or self.shift):
            raise ZooError(
                f"recipe: the observer {self.observer} knows the input as a whole and as it is; thresholds "
                "by channel and a shift go with absmax"
            )
        if self.block is not None and (self.block not in BLOCK_SIZES or self.shift):
            raise ZooError(
                f"recipe: blocks are of {BLOCK_SIZES} inputs and take no shift, not {self.to_dict()}"
            )
        if self.bits not in BITS or (self.bits != 8 and self.block is None):
            raise ZooError(
                f"recipe: weights have 8 bits, in blocks any of {BITS}, not those of {self.to_dict()}"
            )
        if self.through == "norm" and self.shift:
            raise ZooError("recipe: an input that a norm divides cannot be shifted as well")

    def to_dict(self) -> dict[str, Any]:
        """What differs from the defaults, and the precision."""
        return {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default or field.name == "precision"
        }


@dataclass(frozen=True)
class Recipe:
    """A plan for every layer that has weights to store, by name. name: what reports call the recipe.

    table: scales that another tool found; the int8 layers take these and nothing else of their plan counts.
    gelu: the form in which the model's GELUs are computed: `erf`, as it is, or `tanh`, see
        `zoo.quantize.forms.gelu`.
    """

    name: str
    layers: Mapping[str, LayerPlan]
    table: CalibrationTable | None = None
    gelu: str = "erf"

    def __post_init__(self) -> None:
        if self.gelu not in GELUS:
            raise ZooError(f"recipe: unknown gelu {self.gelu!r}; known: {', '.join(GELUS)}")

    def with_precision(self, precision: str) -> tuple[str, ...]:
        """The names of the layers of that precision, in order."""
        return tuple(name for name, plan in self.layers.items() if plan.precision == precision)

    def floating(self, names: Collection[str]) -> "Recipe":
        """The recipe with these layers, as far as they are int8, stored as fp16."""
        if self.table is not None:
            kept = {name: each for name, each in self.table.weights.items() if name not in names}
            table = CalibrationTable(kept, {name: self.table.activations[name] for name in kept})
        else:
            table = None
        plans = {
            name: LayerPlan("fp16") if plan.precision == "int8" and name in names else plan
            for name, plan in self.layers.items()
        }
        return replace(self, layers=plans, table=table)

    def changed(self, **values: Any) -> "Recipe":
        """The recipe with these values in the plan of every int8 layer."""
        plans = {
            name: replace(plan, **values) if plan.precision == "int8" else plan
            for name, plan in self.layers.items()
        }
        return replace(self, layers=plans)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values, for JSON and for `from_dict`."""
        layers = {name: plan.to_dict() for name, plan in self.layers.items()}
        table = {} if self.table is None else {"table": format_table(self.table)}
        gelu = {} if self.gelu == "erf" else {"gelu": self.gelu}
        return {"format": FORMAT, "name": self.name, "layers": layers} | table | gelu

    @classmethod
    def from_dict(cls, values: Any) -> "Recipe":
        """The inverse of `to_dict`. Raises ZooError, naming the layer, for what is not a recipe."""
        import msgspec  # here: a job that reads no recipe starts without it

        try:
            written = msgspec.convert(values, _Written)
        except msgspec.ValidationError as error:
            raise ZooError(f"not an int8 recipe as this version writes it ({error}); {AGAIN}") from None
        if set(values) - {each.name for each in fields(_Written)} or written.format != FORMAT:
            raise ZooError(f"not an int8 recipe as this version writes it; {AGAIN}")
        plans = {name: _plan(name, plan) for name, plan in written.layers.items()}
        table = None if written.table is None else parse_table(written.table, f"recipe {written.name}")
        return cls(written.name, plans, table, written.gelu)

    @classmethod
    def read(cls, path: str | Path) -> "Recipe":
        """The recipe in a file. Raises ZooError, naming the file, if it holds none."""
        values = read_json(path)
        try:
            return cls.from_dict(values)
        except ZooError as error:
            raise ZooError(f"{path}: {error}") from error


@dataclass(frozen=True)
class _Written:
    """A recipe as it lies in a file."""

    format: int
    name: str
    layers: dict[str, dict[str, Any]]
    table: str | None = None
    gelu: str = "erf"


def _plan(name: str, values: Mapping[str, Any]) -> LayerPlan:
    import msgspec

    if unknown := sorted(set(values) - {each.name for each in fields(LayerPlan)}):
        raise ZooError(f"recipe, layer {name}: unknown {', '.join(unknown)}")
    try:
        return msgspec.convert(values, LayerPlan)
    except (ZooError, msgspec.ValidationError) as error:
        raise ZooError(f"layer {name}: {error}") from None


def read_recipes(path: str | Path) -> dict[str, Recipe]:
    """Recipes by name, as `write_recipes` writes them. Raises ZooError, naming the file, for what is none."""
    values = read_json(path)
    try:
        return {name: Recipe.from_dict(recipe) for name, recipe in values.items()}
    except ZooError as error:
        raise ZooError(f"{path}: {error}") from error


def write_recipes(recipes: Mapping[str, Recipe], path: str | Path) -> None:
    """Several recipes in one file, by name."""
    write_json({name: recipe.to_dict() for name, recipe in recipes.items()}, path)
