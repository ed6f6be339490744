"""The options of an artifact, searched on its device: timed in turn, judged on held-out images."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoo.array_types import Arrays
from zoo.config.records.benchmark import TimedLatency
from zoo.config.records.options import RuntimeOptions
from zoo.config.records.proof import RuntimeInfo
from zoo.measure.board.benchmark import most_threads_there, time_beside_on_target
from zoo.measure.metrics import sqnr_db
from zoo.measure.reference_set import ReferenceSet
from zoo.measure.timing import time_beside
from zoo.ncnn.options import Options
from zoo.runners.artifact import Artifact
from zoo.runners.hardware import cpu_count
from zoo.runners.reference import outputs
from zoo.search.option_search import Answers, Measures, OptionSearch, reason
from zoo.search.trials import Fidelity

LONGEST_S = 5.0
"""Then a choice has been timed enough."""


@dataclass(eq=False)
class Trials:
    """Tries options of an artifact. against: held-out images of calibration, with what fp32 answers. threads,
    memory_mb: what the job was granted. usual, info: the answers of what is tried first, and what ran it."""

    artifact: Artifact
    against: ReferenceSet
    threads: int
    memory_mb: float
    usual: Arrays | None = None
    info: RuntimeInfo | None = None

    def time(self, options: Options, beside: Options) -> TimedLatency:
        """With some options beside others, each with the threads that it says, or one."""
        own, other = (replace(self.artifact, options=each) for each in (options, beside))
        threads, shapes = (options.threads or 1, beside.threads or 1), self.against.feed.shapes
        if self.artifact.target is not None:
            return time_beside_on_target(own, other, shapes, threads)
        latency, _ = time_beside(own, other, shapes, threads[0], longest_s=LONGEST_S, fp32_threads=threads[1])
        return latency

    def cores(self) -> int:
        """The most threads that are worth trying."""
        return cpu_count() if self.artifact.target is None else most_threads_there(self.artifact)

    def judge(self, options: Options) -> Answers:
        """The answers with some options."""
        artifact, against = replace(self.artifact, options=options), self.against
        found, self.info = outputs(
            artifact, against.samples, against.feed, against.reference, self.threads, self.memory_mb
        )
        self.usual = self.usual or found
        worst = min(sqnr_db(before, now) for before, now in zip(self.usual, found, strict=True))
        return Answers(Fidelity.of(against.reference, found), worst)


def chosen_options(
    artifact: Artifact,
    asked: Mapping[str, Any],
    gates: Mapping[str, float],
    against: ReferenceSet | None,
    threads: int,
    memory_mb: float,
) -> RuntimeOptions:
    """What is set of ncnn's options for an artifact, as it is asked for, see
    `zoo.config.outputs.options.asked`.

    against, threads, memory_mb: see `Trials`; against is None where nothing is searched. gates: that no
    choice may bring the artifact below. On a software GPU nothing is searched, for its times say nothing.
    Raises ArtifactError if the artifact cannot be run as it is.
    """
    by_hand = Options.of(asked["by_hand"])
    said = RuntimeOptions(
        model=artifact.model,
        device=artifact.device,
        artifact=artifact.name,
        hashes=artifact.hashes(),
        options=by_hand,
        by_hand=tuple(asked["by_hand"]),
        reason=f"said by hand: {by_hand}",
    )
    if against is None:
        return said
    trials = Trials(artifact, against, threads, memory_mb)
    search = OptionSearch(artifact.precision, by_hand, gates, Measures(trials.time, trials.judge))
    assert trials.info is not None  # the search began with what is said by hand
    why = ""
    if trials.info.software_gpu:
        why = "; nothing is searched on a software GPU, whose times say nothing of a real one"
    else:
        if asked["search"]:
            search.switches()
        if asked["search_threads"] and artifact.device != "gpu":
            search.threads(trials.cores())
        search.confirm()
    return replace(
        said,
        options=search.chosen,
        reason=reason(search) + why,
        ratio=search.latency.ratio if search.latency else None,
        ratio_error=search.latency.ratio_error if search.latency else 0.0,
        images=len(against.samples),
        runtime=trials.info,
        tried=tuple(search.tried),
    )
