"""What Snakemake keeps for each job of a plan to the end of a build, and what of it is kept once, or not.

A plan of a thousand models has 46,000 jobs (docs/scale.md, "What bounds it").
"""

import sys
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from zoo.jobs.run.plain_files import marks
from zoo.jobs.run.remembered import replace

_NONE: frozenset[Any] = frozenset()
_REASONS = ("_updated_input", "_updated_input_run", "_missing_output", "_incomplete_output")
_SETS = ("temp_output", "protected_output", "touch_output", "pipe_or_service_output", "_queue_input")


def slim() -> None:
    """Let this process keep less for each job of a plan: one empty set for all that have no file of a kind;
    the names that no list may have once for all lists, not in each; the files between two jobs once, not from
    both sides; and its logs, and its outputs by their paths, while they are asked for."""
    replace("snakemake.jobs", "Job.__init__", sharing_what_is_alike)
    replace("snakemake.jobs", "Job.output_by_path", made_when_asked)
    replace("snakemake.jobs", "Job.log", forgotten)
    replace("snakemake.jobs", "Job.output_mintime", one_after_the_other)
    replace("snakemake.dag", "DAG.update_", sharing_edges)
    replace("snakemake.dag", "DAG.init", keeping_reasons)
    if lists := sys.modules.get("snakemake.iocontainers"):
        guard_once(lists.Namedlist, lists.AttributeGuard)


def sharing_what_is_alike(make: Callable[..., None]) -> Callable[..., None]:
    """`__init__` of a job, whose wildcards, and sets of files of some kinds, are only read afterwards."""
    shared: Callable[[tuple[tuple[str, str], ...]], dict[str, str]] = cache(dict)

    def made(job: Any, *arguments: Any, **options: Any) -> None:
        make(job, *arguments, **options)
        for name in _SETS:
            if getattr(job, name, None) == _NONE:
                setattr(job, name, _NONE)
        job.wildcards_dict = shared(tuple(job.wildcards_dict.items()))

    return made


def made_when_asked(_: Any) -> property:
    """The outputs of a job by their paths, which a plan asks for once or twice."""
    return property(lambda job: {str(file): file for file in job.output})


def forgotten(logs: property) -> property:
    """The logs of a job, which follow from its wildcards, and which it keeps once they were asked for; those
    without marks it need not keep."""
    ask: Any = logs.fget

    def asked(job: Any) -> Any:
        found = ask(job)
        if not any(map(marks, found)):
            job._log = None
        return found

    return property(asked)


def one_after_the_other(oldest: property) -> property:
    """The time of the oldest output of a job. Snakemake looks at its files side by side, each in a task, and
    at all jobs of a plan side by side: that is for files far away. Those here are looked at as they come."""
    ask: Any = oldest.fget

    async def found(job: Any) -> Any:
        files = [*job.output, *([job.benchmark] if job.benchmark else [])]
        if any(map(marks, files)):
            return await ask(job)
        times = [(await file.mtime()).local_or_storage() for file in files if await file.exists()]
        return min(times, default=None)

    return property(found)


class Guarded:
    """An attribute that lists have in common until one of them has an item of that name."""

    def __init__(self, name: str, usual: Any, is_usual: Callable[[Any], bool]) -> None:
        self._name, self._usual, self._is_usual = name, usual, is_usual

    def __get__(self, of: Any, owner: type) -> Any:
        return self._usual if of is None else vars(of).get(self._name, self._usual)

    def __set__(self, of: Any, value: Any) -> None:
        if not self._is_usual(value):
            vars(of)[self._name] = value


class Names:
    """The names of a list's items, for a list that was given none: its own when they are asked for."""

    def __get__(self, of: Any, owner: type) -> Any:
        return self if of is None else vars(of).setdefault("_names", {})


def guard_once(lists: Any, guard: type) -> None:
    """Have the class of Snakemake's lists hold what each of them held: the names that an item may have though
    lists have methods so called, and what is in the place of these methods; and let one that is made of a
    list be no more than that. A list that is read elsewhere, from a pickle, holds its own again."""
    usual = {name: value for name, value in vars(lists()).items() if isinstance(value, guard)}
    own, names = "_allowed_overrides", list(usual)
    if vars(lists()).keys() != {"_names", own, *usual} or getattr(lists(), own) != names:
        return  # as in another release
    for name, value in usual.items():
        setattr(lists, name, Guarded(name, value, lambda given: isinstance(given, guard)))
    setattr(lists, own, Guarded(own, names, names.__eq__))
    make = lists.__init__

    def made(self: Any, toclone: Any = None, *arguments: Any, **options: Any) -> None:
        if type(toclone) is list and not (arguments or options):
            list.__init__(self, toclone)
        else:
            make(self, toclone, *arguments, **options)

    lists.__init__, lists._names = made, Names()
    lists.__getstate__ = lambda self: {"_names": {}, own: names, **usual, **vars(self)}


def sharing_edges(add: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """How Snakemake adds a job to its plan, which then holds twice which files it has of which other job: as
    what it needs, and as what for. That is one set, and so it is for all that need the same files, unless
    these have marks, which are a job's own (`ancient`). None is changed in place: what is put in the place of
    a job is another."""
    shared = cache(lambda files: files)

    async def added(plan: Any, job: Any, *arguments: Any, **options: Any) -> None:
        known = job in plan._dependencies
        await add(plan, job, *arguments, **options)
        needed = {} if known else plan._dependencies.get(job, {})
        for other, files in needed.items():
            kept = frozenset(files)
            needed[other] = plan.depending[other][job] = kept if any(map(marks, kept)) else shared(kept)

    return added


def keeping_reasons(make: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """How Snakemake makes a plan, which then holds an empty set for each reason to run a job that it looked
    for and did not find."""

    async def made(plan: Any, *arguments: Any, **options: Any) -> None:
        await make(plan, *arguments, **options)
        for reason in plan._reason.values():
            for kind in _REASONS:
                if not getattr(reason, kind, True):
                    setattr(reason, kind, None)  # as before it was looked for

    return made
