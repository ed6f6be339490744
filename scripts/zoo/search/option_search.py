"""Which of ncnn's options an artifact is run with: those that make it faster on the device, and with which it
keeps its gates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from zoo.config.records.benchmark import TimedLatency
from zoo.config.records.options import OptionTrial
from zoo.errors import ArtifactError
from zoo.measure.metrics import MAX_DB
from zoo.ncnn.options import Options, choices
from zoo.search.trials import Fidelity

GAIN = 0.03
"""A choice is taken if it saves this share of the time, or more."""
SIGMAS = 2.0
"""And if its time over that without it is below 1 by so many of its standard errors."""

_FIGURES = {"min_cosine": "min_cosine", "min_sqnr_db": "sqnr_db", "min_top1_agreement": "agreement"}


@dataclass(frozen=True)
class Answers:
    """How close an artifact's answers are with some options: to those of fp32, and, as sqnr_db in dB, of the
    worst output, to its own without any choice."""

    to_fp32: Fidelity
    sqnr_db: float


@dataclass(frozen=True)
class Measures:
    """How options are tried on a device.

    time: with the first beside the second, in turn. judge: the answers with some. Both raise ArtifactError
    if the artifact cannot be run with them.
    """

    time: Callable[[Options, Options], TimedLatency]
    judge: Callable[[Options], Answers]


@dataclass
class OptionSearch:
    """A search that starts with what is said by hand, which it leaves as it is. tried: all that it tried;
    chosen: what it has taken by now, with the former; latency: of that beside the former, timed once more."""

    precision: str
    by_hand: Options
    gates: Mapping[str, float]
    measures: Measures
    tried: list[OptionTrial] = field(default_factory=list)
    latency: TimedLatency | None = None
    doubt: str | None = None

    def __post_init__(self) -> None:
        self.chosen = self.by_hand
        self._usual = self.measures.judge(self.by_hand)
        self._round = 0

    def switches(self) -> None:
        """Take the choice that saves most time, then the one that saves most with it, until none does."""
        left = choices(self.precision, self.by_hand.switches)
        while left:
            self._round += 1
            trials = [self._try(name, Options(switches)) for name, switches in left.items()]
            if not (taken := self._take(trials)):
                return
            hopeful = {each.name for each in trials if each.ratio is not None and each.ratio < 1}
            settled = choices(self.precision, self.chosen.switches)
            left = {name: settled[name] for name in left if name in hopeful & set(settled) - {taken.name}}

    def threads(self, cores: int) -> None:
        """Take twice as many threads, and again, up to one a core, as long as that saves time; not if their
        number is said by hand."""
        number = 2
        while self.by_hand.threads is None and number < 2 * cores:
            self._round += 1
            number = min(number, cores)
            if not self._take([self._try(f"{number} threads", Options(threads=number))]):
                return
            number *= 2

    def confirm(self) -> None:
        """Time what was chosen beside what there was before: of many that were tried the best owes something
        to chance. What does not save time now is not taken."""
        if self.chosen == self.by_hand:
            return
        self.latency = self.measures.time(self.chosen, self.by_hand)
        if not saves(self.latency.ratio, self.latency.ratio_error):
            self.doubt = f"timed once more, {self.chosen} took {_ratio(self.latency)} of the time"
            self.chosen, self.latency = self.by_hand, None
            self.tried = [replace(each, taken=False) for each in self.tried]

    def _try(self, name: str, choice: Options) -> OptionTrial:
        """Try a choice with all that was taken before."""
        given = {"round": self._round, "name": name, **vars(choice)}
        tried = with_choice(self.chosen, choice)
        try:
            latency, answers = self.measures.time(tried, self.chosen), self.measures.judge(tried)
        except ArtifactError as error:
            return OptionTrial(**given, ratio=None, ratio_error=0.0, sqnr_db=None, failures=(str(error),))
        return OptionTrial(
            **given,
            ratio=latency.ratio,
            ratio_error=latency.ratio_error,
            sqnr_db=answers.sqnr_db,
            failures=spoilt(answers.to_fp32, self._usual.to_fp32, self.gates),
        )

    def _take(self, trials: Sequence[OptionTrial]) -> OptionTrial | None:
        """Take the best of those that save time and fail no gate, if there is one."""
        fit = [each for each in trials if not each.failures and saves(each.ratio, each.ratio_error)]
        best = min(fit, key=lambda each: each.ratio or 0.0, default=None)
        self.tried += [replace(each, taken=each is best) for each in trials]
        if best is not None:
            self.chosen = with_choice(self.chosen, Options(best.switches, best.threads))
        return best


def with_choice(options: Options, choice: Options) -> Options:
    """Both, the choice over the others."""
    return Options({**options.switches, **choice.switches}, choice.threads or options.threads)


def saves(ratio: float | None, error: float) -> bool:
    """Whether a time over another says that time is saved, as far as the measurement can tell."""
    return ratio is not None and ratio <= 1 - GAIN and ratio + SIGMAS * error < 1


def spoilt(answers: Fidelity, usual: Fidelity, gates: Mapping[str, float]) -> tuple[str, ...]:
    """The gates that answers fail and the usual ones pass, or fail by less, in words; whatever the gates, NaN
    and infinity. What fails as it is is left to verification."""
    failures = []
    if answers.sqnr_db <= -MAX_DB < usual.sqnr_db:
        failures.append("its answers would not be finite")
    for gate, figure in _FIGURES.items():
        value, before, limit = getattr(answers, figure), getattr(usual, figure), gates.get(gate)
        if limit is not None and value is not None and value < min(limit, before):
            failures.append(f"{figure} would be {value:.4g}, below {gate} {limit:g}")
    return tuple(failures)


def reason(search: OptionSearch) -> str:
    """What was chosen and why, in a sentence."""
    parts = [f"said by hand: {search.by_hand}"] if search.by_hand else []
    names = [each.name for each in search.tried if each.taken]
    if search.latency is not None:
        parts.append(f"{', '.join(names)}: {_ratio(search.latency)} of the time without")
    elif search.doubt:
        parts.append(search.doubt)
    else:
        count = len(search.tried)
        parts.append(
            f"none of {count} choices saves {GAIN:.0%} of the time" if count else "nothing to choose"
        )
    for each in search.tried:
        if each.failures and (each.ratio is None or saves(each.ratio, each.ratio_error)):
            saved = "" if each.ratio is None else f" would take {each.ratio:.2f} of the time, but"
            parts.append(f"{each.name}{saved} is not taken: {each.failures[0]}")
    return "; ".join(parts)


def _ratio(latency: TimedLatency) -> str:
    return f"{latency.ratio:.3f} (± {latency.ratio_error:.3f})"
