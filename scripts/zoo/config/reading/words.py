"""Values of the configuration as a person wrote them: YAML's words, not Python's."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

_SHOWN = 60


def said(value: Any) -> str:
    """A value in one line, long ones cut: `true`, `'text'`, `[1, 2]`, `2024-01-01`; None is `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return _cut(repr(value))
    return _cut(flow(value))


def listed(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def reason(error: OSError) -> str:
    """Why the system refuses a file, without its number."""
    return (error.strerror or "the disk does not answer").lower()


def flow(value: Any) -> str:
    """A value as YAML has it in one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return "!!binary"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{flow(key)}: {flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    return _text(value) if isinstance(value, str) else str(value)


def _text(value: str) -> str:
    return value if value.isprintable() else json.dumps(value)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
