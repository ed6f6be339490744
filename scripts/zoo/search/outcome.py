"""int8.search.json: what a search measured of each candidate, and which one it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from zoo.config.records.proof import Proof
from zoo.config.settings import BALANCED
from zoo.errors import ZooError
from zoo.search.trials import Trial


@dataclass(frozen=True, kw_only=True)
class Candidate(Trial):
    """A trial as it was judged. front: whether no other is at least as good in SQNR, agreement, latency and
    size, and better in one; meets: whether it meets the target."""

    front: bool
    meets: bool


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search chose, by name, or None and the failures, in sentences that list the nearest candidates.

    target: see `zoo.search.choice.search`. references: fp32, and fp16 where it was measured. objective: what
    it was chosen by; reason: one sentence, why that one, and what was given up. A record of before has none.
    """

    target: Mapping[str, float]
    chosen: str | None
    failures: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    references: tuple[Trial, ...]
    objective: str = BALANCED
    reason: str = ""

    @property
    def taken(self) -> Candidate | None:
        """The candidate that was chosen, if any was."""
        return next((candidate for candidate in self.candidates if candidate.name == self.chosen), None)


@dataclass(frozen=True, kw_only=True)
class SearchOutcome(SearchResult, Proof):
    """The record of a search for a model's int8. images: held-out ones that fidelity was measured on."""

    KIND: ClassVar[str] = "search"

    images: int

    def chosen_or_raise(self, source: str) -> str:
        """The name of the candidate that was taken. Raises ZooError, which says why, if none was.

        source: the file that the outcome is in.
        """
        if self.chosen is None:
            raise ZooError(
                f"{'; '.join(self.failures)}. Relax the target (config.yaml: int8: target), or see {source}"
            )
        return self.chosen
