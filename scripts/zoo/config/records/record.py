"""Records as types: what one job tells later ones, and people, in a JSON file.

A record is a frozen dataclass that inherits `Record`. Its fields are annotated with plain types (numbers,
text, tuples, mappings, other dataclasses, `| None`), by which a file is checked as it is read.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from zoo.errors import ZooError
from zoo.jobs.records import read_json, write_json


@dataclass(frozen=True)
class Record:
    """A record: `KIND` is what messages call it, `VERSION` the form of its fields, written with them."""

    KIND: ClassVar[str]
    VERSION: ClassVar[int] = 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and for `from_dict`, the version among them."""
        return {"version": self.VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Any, source: str | Path = "") -> Self:
        """The inverse of `to_dict`; `source` is what messages call the file.

        Raises ZooError for a record of another version, for a field that is missing or of another type,
        naming it, and for what the record's own class refuses. Fields that this version does not know are
        left out.
        """
        import msgspec  # here: a job that reads no record starts without it

        where = str(source) or f"this {cls.KIND}"
        version = values.get("version") if isinstance(values, dict) else None
        if version != cls.VERSION:
            raise ZooError(
                f"{where}: no {cls.KIND} as this version of ncnn-zoo writes it (version {version!r}, not "
                f"{cls.VERSION}); delete it to have it made again"
            )
        try:
            return msgspec.convert({key: value for key, value in values.items() if key != "version"}, cls)
        except (msgspec.ValidationError, ZooError) as error:
            raise ZooError(
                f"{where}: a broken {cls.KIND} ({error}); delete it to have it made again"
            ) from error

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The record in a file. Raises ZooError as `from_dict` does, and if the file cannot be read."""
        return cls.from_dict(read_json(path), path)

    def write(self, path: str | Path) -> None:
        """Write the record whole. Raises ValueError for NaN and infinity, which JSON does not have."""
        write_json(self.to_dict(), path)
