"""All that was measured for a search, brought together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo.config.records.benchmark import TimedLatency, refuse_mixed
from zoo.quantize.recipe import Recipe
from zoo.search.sensitivity import Sensitivity
from zoo.search.trials import FLOATS, Trial, Tried


@dataclass(frozen=True)
class Gathered:
    """All that was measured: of the candidates, and of fp32 and fp16, which they are compared with.

    images: how many held-out images fidelity was measured on.
    """

    candidates: tuple[Trial, ...]
    references: tuple[Trial, ...]
    images: int


def gather(
    tried: Sequence[Tried],
    latencies: Sequence[TimedLatency | None],
    recipes: Mapping[str, Recipe],
    sensitivity: Sensitivity,
    fp32_bytes: int,
) -> Gathered:
    """latencies: in the order of `tried`, or none where nothing can be timed; recipes: by name.

    Raises ZooError if candidates were timed on hardware of several kinds: such times are no reason to choose.
    """
    refuse_mixed(
        {
            f"{each.name} (search/trials.json)": time.reference.device
            for each, time in zip(tried, latencies, strict=False)
            if time
        }
    )
    latencies = latencies or [None] * len(tried)
    trials = [
        Trial.of(candidate, latency, sensitivity.int8_shares(recipes[candidate.name]))
        for candidate, latency in zip(tried, latencies, strict=True)
    ]
    # The times of fp32 differ a little from candidate to candidate; the last are as good as any.
    fp32 = Trial.of_fp32(latencies[-1], fp32_bytes, classifies=trials[0].agreement is not None)
    return Gathered(
        tuple(trial for trial in trials if trial.name != FLOATS),
        (fp32, *(trial for trial in trials if trial.name == FLOATS)),
        tried[-1].images,
    )
