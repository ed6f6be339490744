"""The cache that working copies share, see docs/cache.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from zoo.errors import ZooError, refuse_unknown


@dataclass(frozen=True)
class SharedCache:
    """folder: None for none. max_gb: what stays in it, in 10^9 bytes; None: all."""

    folder: str | None = None
    max_gb: float | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Raises ZooError."""
        refuse_unknown("cache", entry, ("folder", "max_gb"))
        cache = cls(**entry)
        if cache.max_gb is not None and cache.folder is None:
            raise ZooError("cache: max_gb is said of no folder; name it: cache: {folder: ~/zoo-cache}")
        return cache

    @property
    def max_bytes(self) -> int | None:
        return None if self.max_gb is None else round(self.max_gb * 1e9)
