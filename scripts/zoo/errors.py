"""The exceptions of the library."""

from collections.abc import Collection, Mapping
from typing import Any


class ZooError(Exception):
    """Something a user can cause and mend: the text names what failed and what to do."""


class ArtifactError(ZooError):
    """An artifact that a runtime cannot load or run: verification reports it instead of stopping."""


def refuse_unknown(what: str, entry: Mapping[str, Any], known: Collection[str]) -> None:
    unknown = sorted(set(entry) - set(known))
    if unknown:
        choice = f"it takes {', '.join(known)}" if known else "it takes no other key"
        raise ZooError(f"{what}: unknown {', '.join(unknown)}; {choice}")
