"""What the schema refuses of config.yaml, in a sentence: jsonschema's own error shows half of the schema.

Snakemake's own `validate` reads the schema by a reader in Python, which takes longer than all else here.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from zoo.config.reading import schema_fault
from zoo.config.reading.config_file import check_values
from zoo.config.reading.places import Source, Where, mistake


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
        raise mistake(sentence(error, schema_fault.homes(admitted)), sources, place(error)) from error


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


def sentence(error: Any, homes: Mapping[str, str] = MappingProxyType({})) -> str:
    """Where a `jsonschema.ValidationError` is, what is wrong there, and what the schema says of the key.

    `models: one: opset: 99 is greater than the maximum of 26 (The opset of ONNX files)`

    homes: see `schema_fault.homes`.
    """
    error = _of_what_was_meant(error)
    where = "".join(f"{part}: " for part in error.absolute_path)
    stray = schema_fault.strayed(error, homes)
    fault = stray or schema_fault.of(error)
    is_told = "did you mean" in fault or (schema_fault.FORM in error.schema and error.validator == "pattern")
    is_told = is_told or bool(stray)
    about = None if is_told or not error.absolute_path else error.schema.get("description")
    told = f" ({' '.join(about.split()).partition('. ')[0].rstrip('.')})" if about else ""
    return f"{where}{fault}{told}"


def place(error: Any) -> Where:
    """The keys that lead to what is wrong."""
    error = _of_what_was_meant(error)
    return (*error.absolute_path, *schema_fault.within(error))


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
