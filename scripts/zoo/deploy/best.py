"""Which artifact of a model to ship on a device: of those that pass, by the objective asked for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from zoo.config.records.benchmark import Benchmark, TimedLatency, refuse_mixed
from zoo.config.records.best import BestArtifact, Contender
from zoo.config.records.proof import Proof
from zoo.config.records.steadiness import doubts
from zoo.config.records.verification import Verification
from zoo.config.settings import FASTEST, SMALLEST, Best, preference
from zoo.errors import ZooError

_AnyProof = TypeVar("_AnyProof", bound=Proof)


def choose(
    verifications: Iterable[Verification], benchmarks: Iterable[Benchmark], asked: Best
) -> BestArtifact:
    """The best of the artifacts of one model on one device that were verified.

    benchmarks: of the same artifacts; none on a device that cannot be timed, where the smallest is taken for
    the fastest. Only the figures of one run are compared: each artifact was timed in turn with fp32, so that
    the ratios tell which is faster. One whose time cannot be believed (`zoo.config.records.steadiness`) is
    taken for no faster than any other, and for no faster than a limit.

    Raises ZooError if none passes its gates and keeps within the limits, with what each lacks, if a limit on
    time is asked for and nothing was timed, and if a benchmark is of other bytes than the verification, with
    other options of ncnn, or of other hardware than the rest.
    """
    verified = _by_artifact(verifications)
    timed = _by_artifact(benchmarks)
    first = next(iter(verified.values()))
    if timed and (missing := [name for name in verified if name not in timed]):
        raise ZooError(f"{', '.join(missing)} was not timed; build {missing[0]}.bench.json")
    if asked.max_latency_ms is not None and not timed:
        raise ZooError(f"nothing is timed on {first.device}; take best: max_latency_ms away")
    _refuse_others(verified, timed)
    found = [_contender(proof, timed.get(name), asked.threads) for name, proof in verified.items()]
    lacking = {each.artifact: _lacks(each, asked) for each in found}
    shippable = [each for each in found if not lacking[each.artifact]]
    fit = sorted(shippable, key=lambda each: _order(each, asked.objective))
    if not fit:
        said = "; ".join(f"{name} {what}" for name, what in lacking.items())
        raise ZooError(f"no artifact can be shipped: {said}; change the gates, or best:")
    chosen, *others = fit
    return BestArtifact(
        model=first.model,
        device=first.device,
        artifact=chosen.artifact,
        objective=asked.objective,
        max_latency_ms=asked.max_latency_ms,
        max_mb=asked.max_mb,
        threads=_threads(timed, asked.threads),
        reason=_reason(chosen, others, lacking, asked, timed),
        files=verified[chosen.artifact].hashes,
        contenders=(*fit, *(each for each in found if lacking[each.artifact])),
        options=chosen.options,
    )


def _order(each: Contender, objective: str) -> tuple[float, ...]:
    """What to sort by: as the objective says, but last, by size, those whose time would decide and is in
    doubt."""
    ratio = _believed(each)
    unknown = objective == FASTEST and each.ratio is not None and ratio is None
    return unknown, *preference(objective, each.sqnr_db, each.bytes, ratio)


def _believed(each: Contender) -> float | None:
    """The ratio to fp32's time that others are compared with. That of fp32 to itself is known without."""
    if each.doubt and each.artifact == "fp32" and not each.options:
        return 1.0
    return None if each.doubt else each.ratio


def _refuse_others(verified: Mapping[str, Verification], timed: Mapping[str, Benchmark]) -> None:
    """Raises ZooError if an artifact was timed as another than was verified, or elsewhere than the rest."""
    for name, benchmark in timed.items():
        if name in verified and benchmark.hashes and benchmark.hashes != verified[name].hashes:
            raise ZooError(f"{name} was timed when it was another file; delete {name}.bench.json")
        if name in verified and benchmark.options != verified[name].options:
            raise ZooError(
                f"{name} was timed with {benchmark.options}, and verified with {verified[name].options}; "
                f"delete {name}.bench.json"
            )
    refuse_mixed(
        {f"{name}.bench.json": each.hardware.gpu or each.hardware.cpu for name, each in timed.items()}
    )


def _by_artifact(proofs: Iterable[_AnyProof]) -> dict[str, _AnyProof]:
    return {proof.artifact: proof for proof in proofs}


def _contender(proof: Verification, benchmark: Benchmark | None, threads: int | str) -> Contender:
    failures = (
        () if proof.verdict.passed else tuple(proof.verdict.failures) or ("it failed its verification",)
    )
    time = _time(benchmark, threads) if benchmark else None
    size = sum(file.bytes for file in proof.structure.files)
    return Contender(
        proof.artifact,
        failures,
        size,
        proof.numbers.sqnr_db if proof.numbers else None,
        time.median_ms if time else None,
        time.ratio if time else None,
        proof.options,
        doubts(benchmark).get(time.threads) if benchmark and time else None,
    )


def _time(benchmark: Benchmark, threads: int | str) -> TimedLatency:
    """At one thread of the CPU, or at all."""
    entries = sorted(benchmark.latency, key=lambda entry: entry.threads)
    return entries[0] if threads == 1 else entries[-1]


def _threads(timed: Mapping[str, Benchmark], threads: int | str) -> int | None:
    return next((_time(benchmark, threads).threads for benchmark in timed.values()), None)


def _lacks(contender: Contender, asked: Best) -> str:
    """What an artifact is not, in words; empty if it can be shipped."""
    if contender.failures:
        return f"fails its gates ({contender.failures[0]})"
    if asked.max_mb is not None and contender.bytes > asked.max_mb * 1e6:
        return f"has {contender.bytes / 1e6:.2f} MB"
    if asked.max_latency_ms is not None and contender.doubt:
        return f"has a time in doubt ({contender.doubt})"
    if asked.max_latency_ms is not None and (contender.latency_ms or 0) > asked.max_latency_ms:
        return f"takes {contender.latency_ms:.2f} ms"
    return ""


def _reason(
    chosen: Contender,
    others: Sequence[Contender],
    lacking: Mapping[str, str],
    asked: Best,
    timed: Mapping[str, Benchmark],
) -> str:
    doubtful = [each for each in (chosen, *others) if asked.objective == FASTEST and _order(each, FASTEST)[0]]
    by_size = asked.objective == FASTEST and (not timed or chosen in doubtful)
    what, fit = SMALLEST if by_size else asked.objective, len(others) + 1
    among = f"of the {fit} that can be shipped" if others else "and the only one that can be shipped"
    if doubtful and not by_size:
        among = f"of the {fit - len(doubtful)} that can be shipped and whose time is believed"
    parts = [f"{chosen.artifact} is the {what.replace('_', ' ')} {among}: {_figures(chosen)}"]
    if others:
        parts.append(f"next is {others[0].artifact} with {_figures(others[0])}")
    own, ratios = _believed(chosen), {each.artifact: _believed(each) for each in others}
    faster = [f"{name} ({ratio:.2f})" for name, ratio in ratios.items() if own and ratio and ratio < own]
    parts += [f"it is slower than {', '.join(faster)}"] * bool(faster)
    parts += [
        f"the time of {each.artifact} is in doubt ({each.doubt}), so it is compared with none: delete "
        f"{each.artifact}.bench.json to have it timed again"
        for each in doubtful
    ]
    parts += [f"{name} {why}" for name, why in lacking.items() if why]
    if not timed:
        parts.append("not timed")
    elif hot := [name for name, each in timed.items() if each.conditions and each.conditions.throttled]:
        parts.append(f"{', '.join(hot)} was timed while the board was slowed down")
    elif any(benchmark.hardware.software_gpu for benchmark in timed.values()):
        parts.append("timed on a software GPU, which says nothing of a real one")
    return "; ".join(parts)


def _figures(each: Contender) -> str:
    ratio = _believed(each)
    time = f"{ratio:.2f} of fp32's time ({each.latency_ms:.2f} ms), " if ratio is not None else ""
    fidelity = f", {each.sqnr_db:.1f} dB" if each.sqnr_db is not None else ""
    options = f", with {each.options}" if each.options else ""
    return f"{time}{each.bytes / 1e6:.2f} MB{fidelity}{options}"
