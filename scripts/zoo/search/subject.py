"""The model that a search is about."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.pair import Pair


class Source(NamedTuple):
    """What a subject is read from, as `Subject.load` takes it: whose int8 form is looked for, and files."""

    model: str
    device: str
    param: str | Path
    weights: str | Path
    statistics: str | Path

    def __str__(self) -> str:
        return f"{self.device}/{self.model}"


@dataclass(frozen=True, eq=False)
class Subject:
    """What a search knows of a model. model, device: whose int8 form is looked for; fp32: as ncnn runs it."""

    model: str
    device: str
    fp32: Pair
    statistics: CalibrationStatistics

    @classmethod
    def load(
        cls, model: str, device: str, param: str | Path, weights: str | Path, statistics: str | Path
    ) -> Self:
        """From ncnn's fp32 files and that of the calibration statistics. Raises ZooError if one of them
        cannot be read."""
        return cls(model, device, Pair.load(param, weights), CalibrationStatistics.load(statistics))

    def __str__(self) -> str:
        return self.model
