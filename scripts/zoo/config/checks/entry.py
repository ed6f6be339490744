"""What the keys of a model's entry say together that no model can be: known before anything is loaded.

Read each time a build starts, so the standard library is all it needs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.config.model_spec import ModelSpec
from zoo.errors import EntryError
from zoo.images.preprocess import CHANNELS

_Fault = tuple[str, tuple[str | int, ...]]
"""What is wrong, and the keys within the entry that lead to it."""


def check_spec(spec: ModelSpec) -> None:
    """Raises EntryError for the first of what is wrong with a model."""
    for fault, where in (*_of_channels(spec.preprocess), *_of_inputs(spec.inputs), *_of_arguments(spec)):
        way = "".join(f"{part}: " for part in where)
        raise EntryError(f"models: {spec.name}: {way}{fault}", ("models", spec.name, *where))


def _of_channels(preprocess: Mapping[str, Any]) -> Iterator[_Fault]:
    """As many numbers as channels, where the entry tells how many there are."""
    given = {key: len(preprocess[key]) for key in ("mean", "std") if preprocess.get(key)}
    named = preprocess.get("channels")
    for key, count in given.items():
        if named in CHANNELS and count != CHANNELS[named]:
            yield f"{_numbers(count)} for the {_channels(CHANNELS[named])} of {named}", ("preprocess", key)
        elif count not in CHANNELS.values():
            known = ", ".join(f"{name} {number}" for name, number in CHANNELS.items())
            yield f"{_numbers(count)}, and there is one for each channel: {known}", ("preprocess", key)
    if len(set(given.values())) > 1:
        yield f"{_numbers(given['std'])}, and mean has {given['mean']}", ("preprocess", "std")


def _of_inputs(inputs: Sequence[Mapping[str, Any]]) -> Iterator[_Fault]:
    names = [each.get("name") for each in inputs]
    for index, entry in enumerate(inputs):
        if entry.get("name") is not None and entry["name"] in names[:index]:
            yield f"two inputs are called {entry['name']}; give one another name", ("inputs", index, "name")
        shape, second = entry.get("shape"), entry.get("second_shape")
        if shape and second and len(shape) != len(second):
            said = f"{len(second)} dimensions, and shape has {len(shape)}; both take as many"
            yield said, ("inputs", index, "second_shape")


def _of_arguments(spec: ModelSpec) -> Iterator[_Fault]:
    key = spec.kind.classes_argument
    count = spec.args.get(key, 0) if key else 0
    if type(count) is not int or count < 0:
        yield f"a whole number of classes belongs there, not {count}", ("args", str(key))


def _numbers(count: int) -> str:
    return f"{count} number{'s' * (count != 1)}"


def _channels(count: int) -> str:
    return f"{count} channel{'s' * (count != 1)}"
