"""What the schema refuses of config.yaml, in a sentence: jsonschema's own error shows half of the schema.

Snakemake's own `validate` reads the schema by a reader in Python, which takes longer than all else here.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.config.reading.config_file import check_values
from zoo.config.reading.places import Source, Where, mistake
from zoo.errors import instead

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


def check(config: Any, schema: str | Path, sources: Sequence[Source] = ()) -> None:
    """Raises ZooError for what the schema, a YAML file, does not admit in a configuration, or no schema can
    refuse. sources: what it was read from, for the line.

    Defaults are not filled in from the schema: in a model's entry they would hide what the zoo says.
    """
    import yaml

    with _as_if_missing("rfc3987_syntax"):
        import jsonschema

    check_values(config, sources)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    admitted = yaml.load(Path(schema).read_text(encoding="utf-8"), loader)
    try:
        jsonschema.Draft202012Validator(admitted).validate(config)
    except jsonschema.ValidationError as error:
        raise mistake(sentence(error), sources, place(error)) from error


@contextmanager
def _as_if_missing(module: str) -> Iterator[None]:
    """Imports in the block do not find a module, unless it is there already. jsonschema takes one that checks
    IRIs if it is installed, as by the tool of the SBOM: its grammar costs a second, and no schema has an IRI.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # the import system's word for it
    try:
        yield
    finally:
        del sys.modules[module]


def sentence(error: Any) -> str:
    """Where a `jsonschema.ValidationError` is, what is wrong there, and what the schema says of the key.

    `models: one: opset: 99 is greater than the maximum of 26 (The opset of ONNX files)`
    """
    error = _of_what_was_meant(error)
    where = "".join(f"{part}: " for part in error.absolute_path)
    fault = _fault(error)
    about = None if "did you mean" in fault or not error.absolute_path else error.schema.get("description")
    told = f" ({' '.join(about.split()).partition('. ')[0].rstrip('.')})" if about else ""
    return f"{where}{fault}{told}"


def place(error: Any) -> Where:
    """The keys that lead to what is wrong."""
    error = _of_what_was_meant(error)
    keys = _unknown(error)[:1] if error.validator == "additionalProperties" else []
    return (*error.absolute_path, *([error.instance] if _is_of_name(error) else keys))


def _of_what_was_meant(error: Any) -> Any:
    """Where one of several forms is admitted, the error of the one that is wrong only further inside, or of
    the only one that is for such values at all."""
    context = error.context or ()
    inner = [each for each in context if len(each.absolute_path) > len(error.absolute_path)]
    strangers = {each.schema_path[0] for each in context if each.validator in ("type", "const")}
    forms = enumerate(error.validator_value if error.validator == "oneOf" else ())
    fitting = {index for index, form in forms if "type" in form} - strangers
    meant = inner or [each for each in context if each.schema_path[0] in fitting]
    return _of_what_was_meant(meant[0]) if meant else error


def _is_of_name(error: Any) -> bool:
    """Whether it is a key that is refused, not its value."""
    return error.validator == "pattern" and "propertyNames" in error.absolute_schema_path


def _unknown(error: Any) -> list[str]:
    return [str(key) for key in error.instance if key not in error.schema.get("properties", {})]


def _fault(error: Any) -> str:
    if error.validator == "required":
        return f"{next(key for key in error.validator_value if key not in error.instance)} is missing"
    if error.validator == "additionalProperties":
        admitted = error.schema.get("properties", {})
        unknown = _unknown(error)
        return f"unknown {', '.join(unknown)}; {instead(unknown, admitted)}"
    if error.validator == "enum" and isinstance(error.instance, str):
        choices = [each for each in error.validator_value if isinstance(each, str)]
        return f"{error.instance!r} is none of its values; {instead([error.instance], choices)}"
    if _is_of_name(error):
        return f"{error.instance!r} cannot be a name here; names are of letters, digits, - and _"
    if error.validator == "type":
        return _misplaced(error.instance, _types(error.schema))
    if error.validator == "pattern":
        return f"{error.instance!r} has not the form that it must have"
    if error.validator == "oneOf" and all(
        "type" in form or "const" in form for form in error.validator_value
    ):
        return _misplaced(error.instance, [word for form in error.validator_value for word in _types(form)])
    if error.validator == "oneOf":
        choices = [choice.get("required", []) for choice in error.validator_value]
        if all(choices):
            keys = [" with ".join(choice) for choice in choices]
            return f"give one of {', '.join(keys)}, and no more than one"
    return str(error.message)


def _misplaced(value: Any, admitted: Iterable[str]) -> str:
    return f"{'nothing' if value is None else repr(value)} stands where {' or '.join(admitted)} belongs"


def _types(schema: Mapping[str, Any]) -> list[str]:
    """What a schema admits, in a person's words."""
    if "const" in schema:
        return [str(schema["const"])]
    types = schema["type"]
    return [_WORDS[each] for each in ([types] if isinstance(types, str) else types) if each != "null"]
