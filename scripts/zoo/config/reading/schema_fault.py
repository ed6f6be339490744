"""What is wrong with a value that the schema refuses, in a person's words: a function a keyword."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoo.config.reading.places import Where
from zoo.config.reading.words import flow, listed, said
from zoo.errors import instead, meant

_WORDS = {
    "object": "a mapping of keys to values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
"""The schema's types, as a person calls them."""
FORM = "patternErrorMessage"
"""The schema's key that says what form a text must have, which editors show too."""


def of(error: Any) -> str:
    """What a `jsonschema.ValidationError` says of its value, without where it is."""
    if _is_of_name(error):
        return f"{error.instance!r} cannot be a name here; names are of letters, digits, - and _"
    told = _FAULTS.get(error.validator)
    return told(error) if told else f"{said(error.instance)} does not belong there"


def homes(schema: Mapping[str, Any]) -> dict[str, str]:
    """Where each key of the schema of config.yaml belongs, of those at the top and in a model's entry."""
    entry = dict.fromkeys(schema["$defs"]["model"]["properties"], "in the entry of a model")
    top = dict.fromkeys(schema["properties"], "at the top of the file")
    both = dict.fromkeys(entry.keys() & top.keys(), "at the top of the file, or in the entry of a model")
    return {**entry, **top, **both}


def strayed(error: Any, homes: Mapping[str, str]) -> str:
    """The same of keys that stand where they are not known and belong elsewhere; empty if they do not."""
    unknown = _unknown(error) if error.validator == "additionalProperties" else []
    if not unknown or not homes.keys() >= set(unknown):
        return ""
    return "; ".join(f"{key} does not belong there, but {homes[key]}" for key in unknown)


def within(error: Any) -> Where:
    """The key or index within the value that is wrong, if it is not all of it."""
    if _is_of_name(error):
        return (error.instance,)
    if error.validator == "additionalProperties":
        return tuple(_unknown(error)[:1])
    if error.validator == "uniqueItems":
        return (_second(error.instance),)
    return ()


def _is_of_name(error: Any) -> bool:
    """Whether it is a key that is refused, not its value."""
    return error.validator == "pattern" and "propertyNames" in error.absolute_schema_path


def _unknown(error: Any) -> list[str]:
    return [str(key) for key in error.instance if key not in error.schema.get("properties", {})]


def _second(values: list[Any]) -> int:
    """Where the first stands that stood there before."""
    return next(index for index, value in enumerate(values) if value in values[:index])


def _required(error: Any) -> str:
    return f"{next(key for key in error.validator_value if key not in error.instance)} is missing"


def _extra(error: Any) -> str:
    unknown = _unknown(error)
    return f"unknown {', '.join(unknown)}; {instead(unknown, error.schema.get('properties', {}))}"


def _enum(error: Any) -> str:
    choices = [flow(each) for each in error.validator_value if each is not None]
    if isinstance(error.instance, str):
        return f"{said(error.instance)} is none of its values; {instead([error.instance], choices)}"
    return f"{said(error.instance)} is none of its values; it takes {', '.join(choices)}"


def _pattern(error: Any) -> str:
    form = error.schema.get(FORM)
    return f"{said(error.instance)} does not belong there, but {form or 'text of another form'}"


def _type(error: Any) -> str:
    return _misplaced(error.instance, _types(error.schema))


def _one_of(error: Any) -> str:
    choices = [choice.get("required", []) for choice in error.validator_value]
    if all(choices):
        keys = [" with ".join(choice) for choice in choices]
        return f"give one of {', '.join(keys)}, and no more than one"
    schemas = [each.schema for each in error.context if each.validator in ("type", "const", "enum")]
    words = [word for schema in schemas for word in _types(schema)]
    near = meant([error.instance], words) if isinstance(error.instance, str) else ""
    return _misplaced(error.instance, words) + (f"; {near}" if near else "")


def _misplaced(value: Any, admitted: Iterable[str]) -> str:
    admitted = list(dict.fromkeys(admitted))
    is_plain = value is not None and not isinstance(value, str | list | Mapping)
    quotes = "; put it in quotes" if "text" in admitted and is_plain else ""
    return f"{said(value)} stands where {listed(admitted)} belongs{quotes}"


def _types(schema: Mapping[str, Any]) -> list[str]:
    """What a schema admits, in a person's words."""
    if "const" in schema:
        return [flow(schema["const"])]
    if "enum" in schema:
        return [flow(each) for each in schema["enum"] if each is not None]
    types = schema["type"]
    return [_WORDS[each] for each in ([types] if isinstance(types, str) else types) if each != "null"]


def _limit(words: str) -> Callable[[Any], str]:
    return lambda error: f"{said(error.instance)} is {words} {error.validator_value}"


def _beyond(side: str) -> Callable[[Any], str]:
    return lambda error: f"it must be {side} {error.validator_value}, and is {said(error.instance)}"


def _unique(error: Any) -> str:
    return f"{flow(error.instance[_second(error.instance)])} stands there twice"


def _count(error: Any) -> str:
    count, limit = len(error.instance), error.validator_value
    if not count:
        return f"the {'text' if error.instance == '' else 'list'} is empty"
    what = "least" if error.validator == "minItems" else "most"
    return f"{said(error.instance)} has {count} of at {what} {limit} values"


_FAULTS: Mapping[str, Callable[[Any], str]] = {
    "required": _required,
    "additionalProperties": _extra,
    "enum": _enum,
    "pattern": _pattern,
    "type": _type,
    "oneOf": _one_of,
    "uniqueItems": _unique,
    "minimum": _limit("less than the minimum of"),
    "maximum": _limit("greater than the maximum of"),
    "exclusiveMinimum": _beyond("above"),
    "exclusiveMaximum": _beyond("below"),
    "minItems": _count,
    "minLength": _count,
    "maxItems": _count,
}
"""Keyword of the schema -> the sentence."""
