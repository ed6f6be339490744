"""The jobs of a build as a person counts them: a line a stage of a model on a device."""

from collections.abc import Mapping
from dataclasses import dataclass, field

STAGES = {
    "weights": ("weights", "train", "dataset", "model_card", "import_onnx", "import_torchscript"),
    "export": ("torchscript", "onnx", "ncnn_fp32", "ncnn_from_onnx"),
    "convert": (
        *("ncnn_fp16", "ncnn_bf16", "fp16_recipe", "w8", "few_bits", "for_target"),
        *("onnx_fp16", "onnx_int8_static", "onnx_int8_dynamic"),
    ),
    "calibrate": ("calibrate", "calibrate_shard", "coverage"),
    "search": ("answers", "sensitivity", "candidates", "trials", "search"),
    "quantize": ("int8", "int8_locked", "int8_for_target"),
    "verify": ("reference", "verify", "gate"),
    "evaluate": ("accuracy",),
    "benchmark": ("bench", "runtime_options"),
    "ship": ("best", "best_bundle", "deploy", "vendor_bundle", "program"),
    "report": ("report", "manifest", "sbom", "sign"),
}
"""A stage -> its rules; any other rule is a stage of its own name."""

_STAGE_OF = {rule: stage for stage, rules in STAGES.items() for rule in rules}


@dataclass(frozen=True)
class Job:
    """A job that is to run. place: `cpu/convnext`, `convnext` where it is of no device, or nothing."""

    rule: str
    wildcards: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    record: str | None = None
    """The file that says what it took, once it has run."""

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from every other job of a build."""
        return (self.rule, *sorted(self.wildcards.items()))

    @property
    def place(self) -> str:
        """What it is about."""
        device = next(
            (self.wildcards[name] for name in ("device", "target", "timed") if name in self.wildcards), ""
        )
        return "/".join(part for part in (device, self.wildcards.get("model", "")) if part)

    @property
    def stage(self) -> str:
        """Its stage's name."""
        rule = self.rule.removesuffix("_on_target")
        return _STAGE_OF.get(rule, rule.replace("_", " "))

    @property
    def item(self) -> str:
        """Which of several of its kind it is, if there are some: the artifact."""
        names = ("artifact", "deployable", "precision", "bundled", "purpose")
        return next((self.wildcards[name] for name in names if name in self.wildcards), "")


@dataclass
class Line:
    """A stage of a place. planned: jobs known so far; seconds: from the first start to the last end."""

    stage: str
    place: str
    planned: int = 0
    begun: int = 0
    ended: int = 0
    failed: int = 0
    first: float | None = None
    seconds: float = 0.0
    shown: bool = False

    @property
    def complete(self) -> bool:
        """Whether all that is known of it has ended."""
        return self.ended + self.failed >= max(self.planned, self.begun)


class Stages:
    """The lines of a build. `time` is that of the event, in seconds."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], Line] = {}
        self.running: dict[int, Job] = {}
        self.ended: list[Job] = []

    def plan(self, job: Job) -> None:
        """A job is to run."""
        self._line(job).planned += 1

    def begin(self, number: int, job: Job, time: float, again: bool = False) -> Line:
        """A job begins. One that nobody planned counts from now on; one that begins again has not failed."""
        line = self._line(job)
        line.failed -= again
        line.begun += not again
        line.planned = max(line.planned, line.begun)
        line.first = time if line.first is None else line.first
        self.running[number] = job
        return line

    def end(self, number: int, time: float, failed: bool = False) -> tuple[Job, Line] | None:
        """A job has ended; None for one that never began here, or has been told of already."""
        job = self.running.pop(number, None)
        if job is None:
            return None
        line = self._line(job)
        line.failed += failed
        line.ended += not failed
        line.seconds = time - (time if line.first is None else line.first)
        if not failed:
            self.ended.append(job)
        return job, line

    def leave(self, number: int) -> Job | None:
        """A job that began is to begin later, if at all; None for one that never began here."""
        job = self.running.pop(number, None)
        if job is not None:
            self._line(job).begun -= 1
        return job

    def _line(self, job: Job) -> Line:
        key = (job.place, job.stage)
        return self.lines.setdefault(key, Line(job.stage, job.place))
