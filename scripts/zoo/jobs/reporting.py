"""What every job shares: a log, one clear sentence instead of a traceback, and a record of what it used."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from zoo.errors import ZooError, is_out_of_memory
from zoo.jobs.files import FULL_DISK, is_full_disk
from zoo.jobs.lifeline import interrupts_raised
from zoo.jobs.making import Job, of_job
from zoo.jobs.run.verdicts import leave
from zoo.jobs.usage import Usage, Watch

_USED = "used: "


class _Log(logging.FileHandler):
    """A log on a disk that is full ends: whoever fails of that says so once, not a traceback a line."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass

    def close(self) -> None:
        with suppress(OSError):
            super().close()


@contextmanager
def reporting(log: str | Path, subject: str, job: Job | None = None) -> Iterator[None]:
    """Log to the file `log` while the block runs; end the process with status 1 (SystemExit) if it fails.

    A ZooError is printed as one sentence that starts with `subject` (such as "verify
    cpu/convnext_atto/int8"), and so is a full disk, whoever met it, and a lack of memory; any other exception
    is a bug or a broken machine, so its traceback goes to the log and its last line to the terminal. The log
    ends with what the job used, see `used`. Of these, only a ZooError that is not of chance is a verdict, see
    `zoo.jobs.run.verdicts`. On Ctrl-C the block's own clean-up runs before the job ends.

    job: what the script is told of its job, which is kept with the files that the block makes, see
    `zoo.jobs.making`.
    """
    handler = _Log(log, mode="w", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    watch = Watch()
    of_job(job)
    try:
        with interrupts_raised():
            yield
    except ZooError as error:
        if FULL_DISK in str(error) or is_full_disk(error):
            _fail(f"{subject}: {error if FULL_DISK in str(error) else FULL_DISK}")
        leave(error, f"{subject}: {error}")
        _fail(f"{subject}: {error}")
    except Exception as error:
        if is_full_disk(error):
            _fail(f"{subject}: {FULL_DISK}")
        if is_out_of_memory(error):
            logging.error("%s: %s", type(error).__name__, error)
            _fail(f"{subject}: not enough memory; close other programs or use a machine with more")
        logging.error("%s", traceback.format_exc())
        _fail(f"{subject}: unexpected {type(error).__name__}: {error} (traceback in {log})")
    finally:
        of_job(None)
        logging.info("%s%s", _USED, json.dumps(asdict(watch.stop())))
        logging.captureWarnings(False)
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


def used(log: str | Path) -> Usage | None:
    """What the job that wrote a log used; None for a log without it: of a job that runs or was killed."""
    for line in reversed(Path(log).read_text(encoding="utf-8", errors="replace").splitlines()):
        _, found, values = line.partition(f" INFO {_USED}")
        if found:
            return Usage(**json.loads(values))
    return None


def _fail(sentence: str) -> None:
    sentence = sentence.encode(errors="backslashreplace").decode()  # names of files need not be UTF-8
    logging.error("%s", sentence)
    print(f"\nerror: {sentence}\n", file=sys.stderr)
    raise SystemExit(1)
