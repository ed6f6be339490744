"""What Snakemake works out each time that it chooses jobs to start, and what of it is not needed each time.

It chooses one or two at a time, so it was done as often as there are jobs, by all jobs that are left and by
files of two hundred: most of what a job cost the scheduler of a large zoo (docs/scale.md, "What bounds it").
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import Any

from zoo.jobs.run.remembered import replace


def lighten() -> None:
    """Let the scheduler of this process look once for the size of a file that is there, go through all jobs
    that are left only where a scheduler reads them, which the greedy one does not, and through those that a
    job waits for once when it starts."""
    scheduler = "snakemake.scheduling.job_scheduler"
    replace(scheduler, "JobScheduler.update_input_sizes", of_new_files)
    replace(scheduler, "JobScheduler.remaining_jobs", when_read)
    replace("snakemake.jobs", "Job.is_pipe_or_service_input", where_one_has_pipes)


def of_new_files(look: Callable[[Any, Collection[Any]], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Snakemake's look for the sizes of what jobs read, for those jobs alone that read a file whose size is
    not known. What a job reads lies there when it can start, and is not made again while it waits."""

    async def looked(scheduler: Any, jobs: Collection[Any]) -> None:
        known = scheduler._input_sizes
        await look(scheduler, [job for job in jobs if any(known.get(file) is None for file in job.input)])
        if any(file not in known for job in jobs for file in job.input):  # it forgets some, of very many
            await look(scheduler, jobs)

    return looked


def where_one_has_pipes(ask: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Whether a file that a job reads is a pipe of another, for which Snakemake goes through all jobs that it
    waits for, for each file: of the manifest of a thousand models 40,000 files, and as many jobs. They are
    gone through once, and again if one of them has a pipe."""
    looked_at: list[Any] = [None, False]

    def asked(job: Any, file: Any) -> bool:
        if looked_at[0] is not job:
            looked_at[:] = job, any(each.pipe_or_service_output for each in job.dag.dependencies[job])
        return looked_at[1] and ask(job, file)

    return asked


class Later(Sequence[Any]):
    """A sequence that is made when it is read for the first time."""

    def __init__(self, make: Callable[[], Sequence[Any]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Sequence[Any]:
        return self._make()

    def __getitem__(self, index: Any) -> Any:
        return self._made[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def when_read(jobs: property) -> property:
    """The jobs of a build that are left, for a scheduler that weighs those that cannot start yet, too."""
    find: Any = jobs.fget
    return property(lambda scheduler: Later(lambda: find(scheduler)))
