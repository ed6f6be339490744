"""What is measured of all candidates of a search: how close each is to fp32, and how fast."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from threadpoolctl import threadpool_limits

from zoo.config.records.benchmark import TimedLatency
from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.config.records.kept_trials import CLOSENESS, LATENCY
from zoo.jobs.isolation import isolated_each
from zoo.jobs.kept import Kept
from zoo.jobs.progress import progress
from zoo.jobs.scratch import scratch
from zoo.jobs.usage import fitting, megabytes
from zoo.measure.reference_set import ReferenceSet
from zoo.measure.timing import latency
from zoo.ncnn.graph import write_graph
from zoo.precision.apply import with_masks
from zoo.quantize.apply import apply
from zoo.quantize.recipe import Recipe
from zoo.runners.artifact import Artifact
from zoo.runners.inference import processes_for
from zoo.runners.on_target.foreseen import Announcement, announce
from zoo.runners.reference import outputs
from zoo.search.subject import Source, Subject
from zoo.search.trials import Measured, Tried

LONGEST_S = 5.0
"""Then a candidate has been timed enough."""


@dataclass(frozen=True, eq=False)
class CandidateTrials:
    """Tries candidates for a model's int8 where it is to run.

    source: of the subject. artifact: the int8 that is looked for, whose files need not be there. fp32: what
    candidates are timed beside; None where nothing can be timed. against: held-out images of calibration,
    with what fp32 answers. masks: on layers that must not compute in float16 there. threads, memory_mb: what
    the job was granted.
    """

    source: Source
    artifact: Artifact
    fp32: Artifact | None
    against: ReferenceSet
    masks: Fp16Recipe | None
    threads: int
    memory_mb: float

    def measure(self, recipes: Mapping[str, Recipe], kept: Kept, output: str | Path) -> Measured:
        """What each recipe, by name, makes of the model. Temporary files lie beside `output`.

        Several are quantized at a time, a core each. They are timed when that is done, alone. What `kept` has
        is not measured again, and what is measured is kept there. Raises ArtifactError, which names the
        candidate, if one cannot be run.
        """
        tried = {name: kept.get(f"{name}: {CLOSENESS}") for name in recipes}
        latencies = {name: kept.get(f"{name}: {LATENCY}") for name in recipes if self.fp32}
        needed = [name for name in recipes if not tried[name] or (self.fp32 and not latencies[name])]
        if self.artifact.target:
            self._announce(sum(not each for each in tried.values()))
        with scratch(output) as folder:
            artifacts = {name: self._artifact(name, folder) for name in needed}
            for name in self._quantized({name: recipes[name] for name in needed}, artifacts):
                if not tried[name]:
                    tried[name] = self._judged(artifacts[name]).to_dict()
                    kept.keep({f"{name}: {CLOSENESS}": tried[name]})
                if not self.fp32:  # else they are all timed when no other is quantized
                    for file in artifacts[name].files:
                        file.unlink()
            for name in progress(needed, f"latencies {self.source}", len(needed), "candidate"):
                if self.fp32 and not latencies[name]:
                    found = latency(artifacts[name], self.fp32, self.against.feed.shapes, LONGEST_S)
                    latencies[name] = found.to_dict()
                    kept.keep({f"{name}: {LATENCY}": latencies[name]})
        return Measured(
            tuple(map(Tried.from_dict, tried.values())),
            tuple(map(TimedLatency.from_dict, latencies.values())),
        )

    def _announce(self, candidates: int) -> None:
        images = len(self.against.for_artifact(self.artifact).samples)
        source = tuple(map(Path, (self.source.param, self.source.weights)))
        like = replace(self.artifact, files=source)  # int8 files are smaller, and there are none yet
        processes = processes_for(like, images, self.threads, self.memory_mb)
        usual = Announcement.of(self.artifact)
        remedy = f"int8: {{lock: true}} searches no more; {usual.remedy}"
        said = Announcement(f"{usual.what}: to judge its {candidates} candidates", usual.device, remedy)
        announce(self.artifact, self.against.multiply_adds, candidates * images, processes, said)

    def _artifact(self, name: str, folder: Path) -> Artifact:
        return replace(self.artifact, name=name, files=(folder / f"{name}.param", folder / f"{name}.bin"))

    def _quantized(self, recipes: Mapping[str, Recipe], artifacts: Mapping[str, Artifact]) -> Iterator[str]:
        """Each name when its files are there; a few are ahead at most."""
        calls = {str(artifacts[name]): (recipe, *artifacts[name].files) for name, recipe in recipes.items()}
        made = isolated_each(calls, _quantize, self._processes(), _start, self.source, self.masks)
        shown = progress(made, f"int8 candidates {self.source}", len(calls), "candidate")
        for name, _ in zip(recipes, shown, strict=True):
            yield name

    def _processes(self) -> int:
        stored_mb = megabytes(map(Path, (self.source.param, self.source.weights)))
        each_mb, own_mb = 250 + 2.5 * stored_mb, 800 + 2 * stored_mb
        return fitting(self.threads, self.memory_mb, each_mb, own_mb)

    def _judged(self, artifact: Artifact) -> Tried:
        against = self.against.for_artifact(artifact)
        found, _ = outputs(
            artifact, against.samples, against.feed, against.reference, self.threads, self.memory_mb
        )
        return Tried.of_files(artifact, against.reference, found)


class _State(NamedTuple):
    subject: Subject
    masks: Fp16Recipe | None


def _start(source: Source, masks: Fp16Recipe | None) -> _State:
    threadpool_limits(1, user_api="blas")
    # read here: what is known of a large model would be copied twice on its way from the parent
    return _State(Subject.load(*source), masks)


def _quantize(state: _State, recipe: Recipe, param: Path, weights: Path) -> None:
    """Write the model by a recipe."""
    graph = apply(state.subject.fp32.graph, state.subject.statistics, recipe)
    write_graph(with_masks(graph, state.masks) if state.masks else graph, param, weights)
