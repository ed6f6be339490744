"""Figures that others published of a model: shown beside ours, with their source, never mixed with them.

`published.json` holds them as their sources give them: accuracy in percent, `_m` and `_g` in 10^6 and 10^9.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from zoo.config.records.card import ModelCard


@dataclass(frozen=True)
class Origin:
    """Where figures were published: its title, address and date, and how they were measured."""

    title: str
    url: str
    date: str
    conditions: str


@dataclass(frozen=True)
class Figures:
    """What a source says of a model at an input size in pixels. None stands for "not said".

    name: what the source calls it, where that is not `model`. top1, top5, int8_top1: in percent;
    parameters_m: in 10^6, multiply_adds_g: in 10^9.
    """

    source: str
    origin: Origin
    model: str
    size: int
    name: str | None = None
    parameters_m: float | None = None
    multiply_adds_g: float | None = None
    top1: float | None = None
    top5: float | None = None
    int8_top1: float | None = None
    latency_ms: float | None = None
    fps: float | None = None


FILE = Path(__file__).with_suffix(".json")
CLASSES = 1000
"""All of them are of ImageNet-1k."""


def published(card: ModelCard) -> list[Figures]:
    """What is known of a card's model, by source.

    They are those of the architecture and those of its weights, by timm's tag (of all tags if none is named),
    at the card's input size; at others where a source has none at that one. None for a model whose arguments
    make it another one, or with other classes.
    """
    if card.args or card.num_classes != CLASSES:
        return []
    size = card.input[-1]
    mine = [figures for figures in _all_figures() if _is_of(card, figures.model)]
    at_size = {figures.source for figures in mine if figures.size == size}
    return [figures for figures in mine if figures.size == size or figures.source not in at_size]


def _is_of(card: ModelCard, model: str) -> bool:
    """Whether figures under the name `model` are about a card's model: only timm's names have tags."""
    name = card.architecture
    architecture, _, tag = name.partition(".")
    if model == architecture:
        return True
    return card.library == "timm" and (model == name or (not tag and model.startswith(f"{architecture}.")))


@cache
def _all_figures() -> tuple[Figures, ...]:
    file = json.loads(FILE.read_text(encoding="utf-8"))
    origins = {source: Origin(**values) for source, values in file["sources"].items()}
    return tuple(Figures(origin=origins[values["source"]], **values) for values in file["figures"])
