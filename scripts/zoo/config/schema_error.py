"""What the schema refuses of config.yaml, in a sentence: jsonschema's own error shows half of the schema."""

from typing import Any


def sentence(error: Any) -> str:
    """Where a `jsonschema.ValidationError` is, what is wrong there, and what the schema says of the key.

    `models: one: gates: int8: min_cosine: 'high' is not of type 'number'`
    """
    where = "".join(f"{part}: " for part in error.absolute_path)
    about = error.schema.get("description") if error.absolute_path else None
    return f"{where}{_fault(error)}" + (f" ({about.strip().rstrip('.')})" if about else "")


def _fault(error: Any) -> str:
    if error.validator == "required":
        return f"{next(key for key in error.validator_value if key not in error.instance)} is missing"
    if error.validator == "additionalProperties":
        admitted = error.schema.get("properties", {})
        unknown = ", ".join(str(key) for key in error.instance if key not in admitted)
        return f"unknown {unknown}; it takes {', '.join(admitted)}"
    if error.validator == "oneOf":
        choices = [choice.get("required", []) for choice in error.validator_value]
        if all(choices):
            keys = [" with ".join(choice) for choice in choices]
            return f"give one of {', '.join(keys)}, and no more than one"
    return str(error.message)
