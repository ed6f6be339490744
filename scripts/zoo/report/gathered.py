"""All that a page about a zoo is made of: records of its models with their history, and what was asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.config.settings import Best
from zoo.history.environment import Environment
from zoo.history.lines import read
from zoo.report.course import with_history
from zoo.report.records import ModelRecords, read_records
from zoo.report.row import Row, rows


@dataclass(frozen=True)
class Gathered:
    """asked: what the best of a model is chosen by. notes: sentences about lines of the history that are left
    out."""

    models: Sequence[ModelRecords]
    asked: Mapping[str, Best]
    notes: Sequence[str]

    @cached_property
    def rows(self) -> list[Row]:
        """A row an artifact."""
        return rows(self.models)


def gather(
    cards: Iterable[str],
    proofs: Iterable[str],
    history: str,
    home: str,
    asked: Mapping[str, Mapping[str, Any]],
) -> Gathered:
    """Read the records of a build. cards, proofs, history: paths; home: ncnn-zoo's folder; asked: as
    config.yaml has it under `best`, by model.

    Raises ZooError, naming the file, for a record that is broken or of another version.
    """
    lines, notes = read(Path(history))
    models = with_history(read_records(cards, proofs), lines, Environment.now(Path(), Path(home)))
    return Gathered(models, {model: Best(**values) for model, values in asked.items()}, notes)
