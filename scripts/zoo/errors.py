"""The exceptions of the library."""

import sys
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any


class ZooError(Exception):
    """Something a user can cause and mend: the text names what failed and what to do."""


class PassingError(ZooError):
    """Something that may be otherwise the next time, as it is: a connection, a process that somebody killed.
    All other errors are verdicts, and would be the same again."""


class ArtifactError(ZooError):
    """An artifact that a runtime cannot load or run: verification reports it instead of stopping."""


class EntryError(ZooError):
    """What is wrong with a part of the configuration. where: the keys that lead to it."""

    def __init__(self, text: str, where: tuple[str | int, ...]) -> None:
        super().__init__(text)
        self.where = where


class PlacedError(ZooError):
    """What is wrong with a file of the configuration: the text names the file."""


def refuse_unknown(what: str, entry: Mapping[str, Any], known: Collection[str]) -> None:
    unknown = sorted(set(entry) - set(known))
    if unknown:
        raise ZooError(f"{what}: unknown {', '.join(unknown)}; {instead(unknown, known)}")


_LISTED = 15
"""Of so many names all are told; of more a dozen."""


def instead(unknown: Iterable[str], known: Collection[str]) -> str:
    """What to write for names that are not known: those that are spelled most alike, or, if none is, all, or
    a dozen of very many."""
    unknown = list(unknown)
    if not known:
        return "it takes no other key"
    if near := meant(unknown, known):
        return near
    if len(known) <= _LISTED:
        return f"it takes {', '.join(known)}"
    likest = {each for name in unknown for each in get_close_matches(str(name), known, 12, 0)[:12]}
    return f"it takes, among others, {', '.join([each for each in known if each in likest][:12])}"


def meant(names: Iterable[str], known: Collection[str]) -> str:
    """The known names that are spelled most alike, in upper or lower case, as a question; empty if one of the
    names has none."""
    near = [_nearest(str(each), known) for each in names]
    return f"did you mean {', '.join(near)}?" if near and all(near) else ""


def _nearest(name: str, known: Collection[str]) -> str:
    if near := get_close_matches(name, known, 1):
        return near[0]
    lower = {each.lower(): each for each in known}
    return "".join(lower[each] for each in get_close_matches(name.lower(), lower, 1))


def require_extra(what: str, extra: str, *modules: str) -> None:
    """Raises ZooError, with how to get it, where a module is missing that an extra of the package brings.

    what: that needs it, as the start of a sentence. Nothing is imported.
    """
    if missing := [name for name in modules if name not in sys.modules and find_spec(name) is None]:
        raise ZooError(
            f"{what} needs {missing[0]}, which is not installed here: pip install 'ncnn-zoo[{extra}]'"
        )


_NO_MEMORY = (
    *("can't allocate memory", "Failed to allocate", "bad_alloc", "bad allocation"),
    *("out of memory", "ALLOC_FAILED"),  # of a GPU
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception, of whatever class a runtime raises, says that memory was not to be had."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in _NO_MEMORY)


def of_runtime(error: Exception, sentence: str) -> Exception:
    """What to raise for an exception of a runtime: it is the artifact's fault, as the sentence says, unless
    memory was not to be had. That tells nothing of an artifact, so it is a MemoryError."""
    return MemoryError(sentence) if is_out_of_memory(error) else ArtifactError(sentence)
