"""Figures that others published of a model: shown beside ours, with their source, never mixed with them.

`published.json` holds them as their sources give them: accuracy in percent, `_m` and `_g` in 10^6 and 10^9.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from zoo.config.card import ModelCard

Figures = Mapping[str, Any]

FILE = Path(__file__).with_suffix(".json")
CLASSES = 1000
"""All of them are of ImageNet-1k."""


def published(card: ModelCard) -> list[Figures]:
    """What is known of a card's model, each with its `origin`: a source's title, url, date and conditions.

    They are those of the architecture and those of its weights, by timm's tag (of all tags if none is named),
    at the card's input size; at others where a source has none at that one. None for a model whose arguments
    make it another one, or with other classes.
    """
    if card.args or card.num_classes != CLASSES:
        return []
    size = card.input[-1]
    known = _known()
    mine = [each for each in known["figures"] if _is_of(card, each["model"])]
    at_size = {each["source"] for each in mine if each["size"] == size}
    return [
        each | {"origin": known["sources"][each["source"]]}
        for each in mine
        if each["size"] == size or each["source"] not in at_size
    ]


def _is_of(card: ModelCard, model: str) -> bool:
    """Whether figures under the name `model` are about a card's model: only timm's names have tags."""
    name = card.architecture
    architecture, _, tag = name.partition(".")
    if model == architecture:
        return True
    return card.library == "timm" and (model == name or (not tag and model.startswith(f"{architecture}.")))


@cache
def _known() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return known
