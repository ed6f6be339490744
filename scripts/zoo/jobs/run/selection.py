"""What Snakemake works out each time that it chooses jobs to start, and what of it is not needed each time.

It chooses one or two at a time, so it was done as often as there are jobs, by all jobs that are left and by
files of two hundred: most of what a job cost the scheduler of a large zoo (docs/scale.md, "What bounds it").
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import Any

from zoo.jobs.run.remembered import replace


def lighten() -> None:
    """Let the scheduler of this process look once for the size of a file that is there, and go through all
    jobs that are left only where a scheduler reads them: the greedy one does not."""
    scheduler = "snakemake.scheduling.job_scheduler"
    replace(scheduler, "JobScheduler.update_input_sizes", of_new_files)
    replace(scheduler, "JobScheduler.remaining_jobs", when_read)


def of_new_files(look: Callable[[Any, Collection[Any]], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Snakemake's look for the sizes of what jobs read, for those jobs alone that read a file whose size is
    not known. What a job reads lies there when it can start, and is not made again while it waits."""

    async def looked(scheduler: Any, jobs: Collection[Any]) -> None:
        known = scheduler._input_sizes
        await look(scheduler, [job for job in jobs if any(known.get(file) is None for file in job.input)])
        if any(file not in known for job in jobs for file in job.input):  # it forgets some, of very many
            await look(scheduler, jobs)

    return looked


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
