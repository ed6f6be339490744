"""The language of the table of layouts: an array's size, and whether it is there, by a layer's parameters."""

from collections.abc import Callable
from typing import NamedTuple

from zoo.ncnn.bin import Storage
from zoo.ncnn.layer import Layer

Term = int | Callable[[Layer], int]
"""A number that a layer decides: its integer parameter of that id (0 if missing), or a function of it."""


class Slot(NamedTuple):
    """An array that layers of a type may have. when: whether one has; untagged: how it is stored if it has
    no tag; width: how many numbers are in a row of one whose rows begin with a byte each."""

    role: str
    size: Term
    tagged: bool
    when: Term
    untagged: Storage = Storage.RAW
    width: Term | None = None


def value(term: Term, layer: Layer) -> int:
    """What a term is for a layer."""
    return term(layer) if callable(term) else layer.param(term)


def always(_: Layer) -> int:
    """The term 1."""
    return 1


def tagged(role: str, size: Term, when: Term = always) -> Slot:
    """An array that says how it is stored."""
    return Slot(role, size, True, when)


def raw(role: str, size: Term, when: Term = always) -> Slot:
    """An array of fp32, without a tag."""
    return Slot(role, size, False, when)


def raw_int8(role: str, size: Term, when: Term = always) -> Slot:
    """An array of int8, without a tag."""
    return Slot(role, size, False, when, Storage.RAW_INT8)


def raw_packed(role: str, rows: Term, width: Term, storage: Storage, when: Term = always) -> Slot:
    """A matrix of numbers of 4 or 6 bits, without a tag."""
    return Slot(role, product(rows, width), False, when, storage, width)


def parameter(param_id: int, default: int) -> Term:
    """An integer parameter whose default is not 0."""
    return lambda layer: layer.param(param_id, default)


def equals(param_id: int, wanted: int, default: int = 0) -> Term:
    """Whether an integer parameter has that value."""
    return lambda layer: int(layer.param(param_id, default) == wanted)


def product(*terms: Term) -> Term:
    """The terms multiplied: of conditions, whether all hold."""

    def multiplied(layer: Layer) -> int:
        result = 1
        for term in terms:
            result = result * value(term, layer) if result else 0
        return result

    return multiplied


def unless(param_id: int, *slots: Slot) -> tuple[Slot, ...]:
    """The arrays of a layer; none of them if that parameter says that its weights come in as blobs."""

    def guarded(slot: Slot) -> Slot:
        return slot._replace(when=product(equals(param_id, 0), slot.when))

    return tuple(guarded(slot) for slot in slots)
