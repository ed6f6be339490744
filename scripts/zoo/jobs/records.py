"""Records: the JSON files in which one job tells later ones, and people, what it found."""

import json
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.jobs.files import regular, replacing


def write_json(record: dict[str, Any], path: str | Path) -> None:
    """Write a record. Raises ValueError for NaN and infinity, which JSON does not have."""
    with replacing(path) as (temporary,):
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a record. Raises ZooError if the file is missing or damaged."""
    try:
        text = regular(path).read_text(encoding="utf-8")
        record = json.loads(text)
        if "\\u" in text:  # half of a surrogate pair is no text: nobody could write it
            json.dumps(record, ensure_ascii=False).encode()
    except (OSError, ValueError, RecursionError) as error:
        raise ZooError(f"{path}: cannot be read ({error}); delete it to have it made again") from error
    if not isinstance(record, dict):
        raise ZooError(f"{path}: not a record, which is a JSON object; delete it to have it made again")
    return record
