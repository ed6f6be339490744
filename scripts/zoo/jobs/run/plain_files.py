"""Files without marks (`temp`, storage), as nearly all of a plan are, and what need not be done for them.

A plan of a thousand models has 600,000 in the lists of its jobs (docs/scale.md, "What bounds it").
"""

import sys
from collections.abc import Callable
from typing import Any, Self

from zoo.jobs.run.remembered import replace

_CONCRETE: dict[str, Any] = {}
"""What a file of a job has for constraints of wildcards, for it has no wildcards; no pattern has this one."""


def lighten() -> None:
    """Let this process take a file that has no marks for its path: it keeps no empty set of marks with each,
    nor asks each for seven of them, again and again, nor looks in it for wildcards that it does not have."""
    replace("snakemake.io", "_IOFile.clone_flags", without_empty_marks)
    replace("snakemake.io", "_IOFile.flags", kept_when_written)
    replace("snakemake.io", "_IOFile.is_flagged", by_its_marks)
    replace("snakemake.io", "_IOFile.is_storage", is_not_stored)
    replace("snakemake.io", "_IOFile.apply_wildcards", without_wildcards)
    replace("snakemake.io", "_IOFile.get_inventory_parent", by_its_path)
    replace("snakemake.jobs", "fmt_iofile", told_by_path)


def is_plain(file: Any) -> bool:
    """Whether a file of Snakemake's has no marks, nor a set in which they would be."""
    return type(file._file) is str


def without_empty_marks(clone: Callable[..., None]) -> Callable[..., None]:
    """Snakemake's way of giving a file the marks that another has. One that gets none stays what it is, and
    one path is one object, in however many lists it is."""

    def cloned(file: Any, other: Any, **options: Any) -> None:
        if is_plain(file) and not marks(other):
            file._file, file._wildcard_constraints = sys.intern(file._file), _CONCRETE
        else:
            clone(file, other, **options)

    return cloned


class Unwritten(dict[str, Any]):
    """The marks of a file that has none. When some are written they become its own."""

    __slots__ = ("_file",)

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file

    def _keep(self) -> None:
        if is_plain(self._file):
            self._file.set_flags(self)

    def __setitem__(self, mark: str, value: Any) -> None:
        super().__setitem__(mark, value)
        self._keep()

    def update(self, *others: Any, **marks: Any) -> None:
        super().update(*others, **marks)
        self._keep()

    def setdefault(self, mark: str, value: Any = None) -> Any:
        found = super().setdefault(mark, value)
        self._keep()
        return found

    def __ior__(self, others: Any) -> Self:  # type: ignore[override,misc]
        self.update(others)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def kept_when_written(flags: property) -> property:
    """The marks of a file. Those of a pattern of a rule are not kept, as they are not by Snakemake."""
    ask: Any = flags.fget

    def found(file: Any) -> Any:
        concrete = type(file._file) is str and file._wildcard_constraints is _CONCRETE
        return Unwritten(file) if concrete else ask(file)

    return property(found)


def by_its_marks(is_flagged: Callable[[Any, str], bool]) -> Callable[[Any, str], bool]:
    """Whether a file has a mark; a plain one has none."""
    return lambda file, mark: type(file._file) is not str and is_flagged(file, mark)


def is_not_stored(is_storage: property) -> property:
    """Whether a file lies in storage; one without any mark does not."""
    ask: Any = is_storage.fget
    return property(lambda file: type(file._file) is not str and bool(marks(file)) and ask(file))


def without_wildcards(apply: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A file of a rule with the values of wildcards filled in, which is another: marks of the one are not of
    the other."""

    def applied(file: Any, wildcards: Any) -> Any:
        if not is_plain(file) or "{" in file._file:
            return apply(file, wildcards)
        filled = str.__new__(type(file), file)
        filled._file, filled.rule, filled._is_callable = sys.intern(file._file), file.rule, False
        filled._regex, filled._wildcard_constraints = None, _CONCRETE
        return filled

    return applied


def by_its_path(parent: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """The folder that is listed to see whether a file is there."""

    def folder(file: Any) -> str | None:
        if not is_plain(file) or file.startswith(("/", ".")) or "//" in file:
            return parent(file)
        return file.rpartition("/")[0] or None

    return folder


def told_by_path(describe: Callable[..., str]) -> Callable[..., str]:
    """What Snakemake says of a file, with its marks; that of one without is its path."""
    return lambda file, *how, **options: describe(file, *how, **options) if marks(file) else f"{file}"


def marks(file: Any) -> Any:
    """The marks of a file, or None; of a path that is no file of Snakemake's, too."""
    return getattr(getattr(file, "_file", file), "flags", None)
