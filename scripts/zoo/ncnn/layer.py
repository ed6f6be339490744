"""A layer of an ncnn graph: a line of the `.param` and its arrays of the `.bin`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.errors import ZooError
from zoo.ncnn.bin import Array

Param = int | float | str | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: a line of the `.param` and its arrays of the `.bin`.

    params: value by id, see `param_ids`. ints and floats are different things to ncnn: an id read as float
        must hold one.
    weights: array by role (`weight`, `bias`, `weight_scales`, …), in any order; see `layout`.
    line: the line it was read from. It is written back unchanged while it still says the same.
    """

    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[int, Param] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)
    line: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"layer {self.name} ({self.type})"

    def param(self, key: int, default: int = 0) -> int:
        """The integer parameter `key`; ZooError if the line holds another kind of value there."""
        value = self.params.get(key, default)
        if not isinstance(value, int):
            raise ZooError(f"{self}: parameter {key} is {value}, not an integer")
        return value


def is_scale(role: str) -> bool:
    """Whether an array of this role holds int8 scales (multipliers, 127/absmax), not learned numbers."""
    return role in {"scales", "scales_in", "scales_out"} or role.endswith(("_scale", "_scales"))
