"""A model in ncnn's two files, and the graph in them: what travels together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from zoo.jobs.usage import megabytes
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import Graph


@dataclass(frozen=True, eq=False)
class Pair:
    """graph: what is in the files `param` and `weights`."""

    graph: Graph
    param: Path
    weights: Path

    @classmethod
    def load(cls, param: str | Path, weights: str | Path) -> Self:
        """Read and check the files. Raises ZooError as `zoo.ncnn.check.load_checked` does."""
        return cls(load_checked(param, weights), Path(param), Path(weights))

    @property
    def files(self) -> tuple[Path, Path]:
        return self.param, self.weights

    @property
    def megabytes(self) -> float:
        """The size of the files: about what the weights take in memory."""
        return megabytes(self.files)
