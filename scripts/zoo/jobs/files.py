"""Writing files so that no reader, and no killed job, ever sees half of one."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.made import noting
from zoo.jobs.made import sha256 as sha256
from zoo.jobs.scratch import measure, scratch


@contextmanager
def replacing(*targets: str | Path) -> Iterator[list[Path]]:
    """Yield one temporary path per target, in a fresh directory beside the first one.

    When the block ends well, every temporary file is flushed to disk and moved over its target,
    so that pairs (`.param`, `.bin`) change together; when it raises, the targets are untouched.
    The temporary files keep the names of their targets, for tools that look at suffixes; so all
    names must differ. Folders of targets are made.

    Raises ZooError if a file is missing when the block ends or the disk is full.
    """
    finals = [Path(target) for target in targets]
    try:
        for final in finals:
            final.parent.mkdir(parents=True, exist_ok=True)
        with scratch(finals[0]) as folder:
            temporaries = [folder / final.name for final in finals]
            yield temporaries
            for temporary, final in zip(temporaries, finals, strict=True):
                if not temporary.is_file():
                    raise ZooError(f"{final}: nothing was written")
                with temporary.open("rb") as handle:
                    os.fsync(handle.fileno())
            measure()
            with noting(finals, temporaries):
                for temporary, final in zip(temporaries, finals, strict=True):
                    temporary.replace(final)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ZooError(f"{finals[0]}: no space left on the disk; free some and run again") from error
        raise
