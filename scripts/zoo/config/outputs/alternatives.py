"""A regular expression of many alternatives, which compares what several of them begin with once.

That of `re` tries one alternative after the other. The rules of a zoo name its models, and each file of a
plan is compared with several rules: a thousand names, tried in turn, would cost each model more than ten do.
"""

from collections.abc import Iterable
from typing import Any

_END = ""


def alternatives(sequences: Iterable[Iterable[str]]) -> str:
    """A regular expression of what one of the sequences admits, piece after piece; of nothing, if there are
    none. Each piece is a regular expression that is whole by itself: a character, or a group."""
    tree: dict[str, Any] = {}
    for sequence in sequences:
        node = tree
        for piece in sequence:
            node = node.setdefault(piece, {})
        node[_END] = {}
    return _expression(tree) if tree else "(?!)"


def _expression(node: dict[str, Any]) -> str:
    """What a branch admits; a tree of pieces, where _END follows the last of a sequence."""
    options = []
    for piece, rest in node.items():
        text = piece
        while len(rest) == 1:
            ((piece, rest),) = rest.items()
            text += piece
        options.append(text + (_expression(rest) if rest else ""))
    found = "|".join(filter(None, options))
    if len(options) == 1:
        return found
    return f"(?:{found})?" if _END in node else f"(?:{found})"
