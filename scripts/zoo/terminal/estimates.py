"""How long a build will take, by what the same jobs took before: their benchmark records."""

import csv
import statistics
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from zoo.config.outputs.paths import RESULTS
from zoo.terminal.stages import Job


class Estimates:
    """Seconds of jobs, from the records of earlier builds."""

    def __init__(self, seconds: Mapping[tuple[str, str], Iterable[float]], sizes: Mapping[str, int]) -> None:
        """seconds: what jobs took, by rule and model; sizes: bytes of the models' weights."""
        self._by_rule: dict[str, dict[str, float]] = defaultdict(dict)
        self._sizes = sizes
        for (rule, model), found in seconds.items():
            self._by_rule[rule][model] = statistics.median(found)

    @classmethod
    def read(cls, folder: Path = Path(RESULTS)) -> "Estimates":
        """From the records that lie in a zoo; whatever is broken counts for nothing."""
        seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        models = {card.stem for card in (folder / "weights").glob("*.json")}
        for path in sorted((folder / "logs").rglob("*.benchmark.tsv")):
            try:
                with path.open(encoding="utf-8", newline="") as file:
                    rows = list(csv.DictReader(file, delimiter="\t"))
                rule = rows[0].get("rule_name") or path.relative_to(folder / "logs").parts[0]
                seconds[rule, _model_of(path.relative_to(folder / "logs"), models)] += [
                    float(row["s"]) for row in rows
                ]
            except (OSError, ValueError, KeyError, IndexError):
                continue
        weights = (folder / "weights").glob("*.*")
        return cls(seconds, {path.stem: path.stat().st_size for path in weights if path.suffix != ".json"})

    def of(self, job: Job) -> float | None:
        """Seconds that a job is likely to take; None if its rule never ran here.

        By the same model's record, else by the other models', for each in proportion to the size of its
        weights.
        """
        known, model = self._by_rule.get(job.rule, {}), job.wildcards.get("model", "")
        if not known:
            return None
        if model in known:
            return known[model]
        own = self._sizes.get(model)
        scaled = [
            seconds * (own / self._sizes[other] if own and self._sizes.get(other) else 1)
            for other, seconds in known.items()
        ]
        return statistics.median(scaled)

    def left(self, jobs: Iterable[Job], cores: int) -> float | None:
        """Seconds until these jobs have ended on so many cores; None if most of them are unknown."""
        jobs = list(jobs)
        found = [(job, seconds) for job in jobs if (seconds := self.of(job)) is not None]
        if not found or 2 * len(found) < len(jobs):
            return None
        work = sum(seconds * min(job.threads, cores) for job, seconds in found) / max(cores, 1)
        return max(work * len(jobs) / len(found), max(seconds for _, seconds in found))


def _model_of(path: Path, models: Container[str]) -> str:
    """A record lies in <rule>/[<device>/]<model>[/…].benchmark.tsv."""
    _, *places = path.with_suffix("").with_suffix("").parts
    return next((place for place in places if place in models), places[-1] if len(places) == 1 else "")
