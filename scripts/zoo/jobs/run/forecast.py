"""What a zoo will cost, by what the jobs of some of its models are on record with."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from zoo.errors import ZooError

_HOUR_S = 3600.0
_GB_MB = 1024.0


@dataclass(frozen=True)
class Cost:
    """seconds: of all jobs, one after the other. core_hours: of the cores that they had to themselves, busy
    or not. gb_hours: of the memory that they asked for. memory_mb: the most that one asked for."""

    jobs: float
    seconds: float
    core_hours: float
    gb_hours: float
    memory_mb: float

    @classmethod
    def of(cls, jobs: Iterable[tuple[float, int, float]]) -> Self:
        """Of jobs, each with its seconds, its cores, and the MB that it asked for."""
        found = list(jobs)
        return cls(
            len(found),
            sum(seconds for seconds, _, _ in found),
            sum(seconds * cores for seconds, cores, _ in found) / _HOUR_S,
            sum(seconds * megabytes for seconds, _, megabytes in found) / _HOUR_S / _GB_MB,
            max((megabytes for _, _, megabytes in found), default=0.0),
        )


@dataclass(frozen=True)
class Forecast:
    """recorded: how many of the models are on record; longest_hours: of a model alone, job after job."""

    models: int
    recorded: int
    total: Cost
    longest_hours: float

    def hours(self, cores: int) -> float:
        """On so many cores: all of them busy, and no sooner than the longest model."""
        return max(self.total.core_hours / cores, self.longest_hours)

    def price(self, core_hour: float, gb_hour: float) -> float:
        return core_hour * self.total.core_hours + gb_hour * self.total.gb_hours


def forecast(known: Mapping[str, Cost], models: Collection[str]) -> Forecast:
    """For models by name, of which some have a cost. Each of the others is taken to cost the mean of those.

    Raises ZooError if none is known.
    """
    own = [known[name] for name in models if name in known]
    if not own:
        raise ZooError(
            "no model of config.yaml is on record; build one or two that are typical, the largest among them"
        )
    factor = len(models) / len(own)
    total = Cost(
        factor * sum(each.jobs for each in own),
        factor * sum(each.seconds for each in own),
        factor * sum(each.core_hours for each in own),
        factor * sum(each.gb_hours for each in own),
        max(each.memory_mb for each in own),
    )
    return Forecast(len(models), len(own), total, max(each.seconds for each in own) / _HOUR_S)
