"""What jobs of a plan are bound to fail for: mistakes in config.yaml, and in what it points to, that are told
before the first job starts. What only a job can know, such as how many classes a model has, it tells itself.

Read each time a build starts, so the standard library is all it needs.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from zoo.config.changes import source_files
from zoo.config.image_choice import set_title
from zoo.config.library_names import name_fault, optimizer_fault, package_fault
from zoo.config.outputs.devices import agent
from zoo.config.reading.places import Source, Where, mistake
from zoo.config.zoo import Model, Zoo
from zoo.errors import ZooError, meant
from zoo.images.planned import fault_in

SOURCE = "source"
"""The parameter of jobs that read what a model's entry names: architecture, weights and labels."""
PINNED = "pinned_state"
"""The parameter of jobs that read the recipe or calibration table that is named for int8."""
STATES = frozenset({"images_state", "images_states"})
"""The parameters that say in which state images are that a job reads; only their values are looked at."""
READ = STATES | {SOURCE, PINNED}
"""The parameters of a job that matter here."""
_NOTHING: Mapping[str, Any] = {}
_LINES = 3
_FEW_BYTES = 4096


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job that is to run, with its wildcards, its parameters, if in `READ`, and the files that
    it reads and makes."""

    wildcards: Mapping[str, str]
    params: Mapping[str, Any]
    inputs: Collection[str] = ()
    outputs: Collection[str] = ()

    @property
    def model(self) -> str | None:
        """The model that it is of, if it is of one."""
        return self.wildcards.get("model")

    def target(self, zoo: Zoo) -> str | None:
        """The target on which it runs an artifact, if it does on one."""
        named = [self.wildcards[key] for key in ("device", "target", "timed") if key in self.wildcards]
        return next((each for each in named if not set(agent(zoo, each)).isdisjoint(self.inputs)), None)


def looked_at(declared: Mapping[str, Any], wildcards: Any) -> Mapping[str, Any]:
    """Of the parameters of a rule those in `READ`: in `STATES` with their value for a job, others with
    none, for it matters that they are there."""
    found: dict[str, Any] = dict.fromkeys(READ & declared.keys())
    for name in STATES & found.keys():
        value = declared[name]
        found[name] = value(wildcards) if callable(value) else value
    return found or _NOTHING


@dataclass(frozen=True)
class Mistakes:
    """sentences: each once. hopeless: whether no model of the plan is without."""

    sentences: tuple[str, ...] = ()
    hopeless: bool = False

    def refuse(self) -> None:
        """Raises ZooError, in three lines at most, if there are any."""
        shown = list(self.sentences)
        if len(shown) > _LINES:
            shown[_LINES - 1 :] = [f"and {len(shown) - _LINES + 1} other mistakes"]
        if shown:
            raise ZooError("\n".join(shown))


def of_plan(
    jobs: Iterable[PlannedJob],
    zoo: Zoo,
    sources: Sequence[Source],
    processor_fault: Callable[[str | None, str], str],
) -> Mistakes:
    """What the jobs are bound to fail for, with the line in what the configuration was read from.

    A file that another of the jobs makes is none. processor_fault: what is wrong with a processor that is to
    be emulated, by name, None if none is, and architecture, see `zoo.targets.processors.processor_fault`;
    empty if nothing is; it is asked once for each target that an artifact runs on.
    """
    jobs = list(jobs)
    made = cache(lambda: {output for job in jobs for output in job.outputs})
    targets = {name for job in jobs if (name := job.target(zoo))}
    processors = {
        name: processor_fault(zoo.targets[name].emulate, zoo.targets[name].architecture) for name in targets
    }
    found: dict[str, None] = {}
    faulty = set()
    for job in jobs:
        if job.model not in zoo.models:
            continue
        faults = (*_of_job(job, zoo, made, processors), *_of_pinned(job, zoo, made, sources))
        told = [_told(fault, where, sources) for fault, where in faults]
        found |= dict.fromkeys(told)
        faulty |= {job.model} if told else set()
    planned = {job.model for job in jobs if job.model in zoo.models}
    return Mistakes(tuple(found), bool(planned) and planned == faulty)


def _of_job(
    job: PlannedJob, zoo: Zoo, made: Callable[[], set[str]], processors: Mapping[str, str]
) -> Iterator[tuple[str, Where]]:
    """What is wrong, without an end, and the keys that lead to it."""
    model = zoo.models[str(job.model)]
    for name in STATES & job.params.keys():
        value = job.params[name]
        for state in value if isinstance(value, list) else [value]:
            if isinstance(state, str) and (fault := fault_in(state)):
                yield fault, _of_images(fault, model, zoo)
    if SOURCE in job.params:
        for file in source_files(model):
            if not file.is_file() and not {str(file), *map(str, file.parents)} & made():
                yield f"models: {model.name}: {_of_file(file)}", _of_source(file, model)
        if fault := name_fault(model.spec):
            yield f"models: {model.name}: {fault}", ("models", model.name, model.spec.library)
        if model.spec.labels and _is_blank(Path(model.spec.labels)):
            said = f"labels: {model.spec.labels} has no class name; write one a line"
            yield f"models: {model.name}: {said}", ("models", model.name, "labels")
        if fault := optimizer_fault(model.spec):
            where = ("models", model.name, "weights", "train", "optimizer")
            yield f"models: {model.name}: {fault}", where
        if fault := package_fault(model.spec):
            yield f"models: {model.name}: {fault}", ("models", model.name, "weights", "package")
    target = job.target(zoo)
    if target and (fault := processors[target]):
        yield f"targets: {target}: {fault}", ("targets", target, "emulate")


def _of_pinned(
    job: PlannedJob, zoo: Zoo, made: Callable[[], set[str]], sources: Sequence[Source]
) -> Iterator[tuple[str, Where]]:
    """What is wrong with the file that a model's int8 is made by, which its entry names, or the zoo."""
    model = zoo.models[str(job.model)]
    pinned = model.settings.int8.pinned
    if PINNED in job.params and pinned and not Path(pinned).is_file() and pinned not in made():
        key = ("int8", "recipe")
        own = ("models", model.name, *key)
        is_own = any(source.found(own)[0] == len(own) for source in sources)
        about = f"models: {model.name}: " if is_own else ""
        yield f"{about}int8: recipe: {_of_file(Path(pinned))}", own if is_own else key


def _is_blank(file: Path) -> bool:
    return file.is_file() and file.stat().st_size < _FEW_BYTES and not file.read_bytes().strip()


def _told(fault: str, where: Where, sources: Sequence[Source]) -> str:
    return str(mistake(" ".join(fault.split()), sources, where))


def _of_file(file: Path) -> str:
    if file.is_dir():
        return f"{file} is a folder, and a file belongs there"
    beside = [path.name for path in file.parent.iterdir()] if file.parent.is_dir() else []
    near = meant([file.name], beside) or "mend the entry"
    return f"there is no file {file}; {near}"


def _of_source(file: Path, model: Model) -> Where:
    """Where an entry names a file."""
    spec = model.spec
    if spec.labels and file == Path(spec.labels):
        return ("models", model.name, "labels")
    if spec.kind.is_file:
        return ("models", model.name, spec.library)
    return ("models", model.name, "weights", "file")


def _of_images(fault: str, model: Model, zoo: Zoo) -> Where:
    """Where the set of images is declared that a sentence begins with."""
    sets: dict[Where, Any] = {("image_sets", name, "path"): {"set": name} for name in zoo.image_sets}
    own = {("models", model.name, purpose, "path"): each for purpose, each in model.choices.items()}
    usual = {("defaults", purpose, "path"): each for purpose, each in zoo.defaults.items()}
    for where, choice in (sets | own | usual).items():
        if fault.startswith(f"image set {set_title(choice)}: "):
            return where
    return ("models", model.name, "weights")  # of a training
