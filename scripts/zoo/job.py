"""What every job shares: a log, and one clear sentence instead of a traceback."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import ZooError


@contextmanager
def reporting(log: str | Path, subject: str) -> Iterator[None]:
    """Log to the file `log` while the block runs; end the process with status 1 (SystemExit) if it fails.

    A ZooError is printed as one sentence that starts with `subject` (such as "verify
    cpu/convnext_atto/int8"); any other exception is a bug or a broken machine, so its traceback
    goes to the log and its last line to the terminal.
    """
    handler = logging.FileHandler(log, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    except ZooError as error:
        _fail(f"{subject}: {error}")
    except MemoryError:
        _fail(f"{subject}: not enough memory; close other programs or use a machine with more")
    except Exception as error:
        logging.error("%s", traceback.format_exc())
        _fail(f"{subject}: unexpected {type(error).__name__}: {error} (traceback in {log})")
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


def _fail(sentence: str) -> None:
    logging.error("%s", sentence)
    print(f"\nerror: {sentence}\n", file=sys.stderr)
    raise SystemExit(1)
