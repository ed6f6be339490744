"""What failed with a sentence would fail with it again: such jobs are not tried again on a cluster.

Snakemake sends a job anew whatever it ended with, for on a cluster most ends are of chance: memory, time, a
node that is lost. So a job that fails with a verdict leaves it in a file, which the next attempt looks for
before it starts.
"""

import os
from hashlib import sha256
from pathlib import Path

from zoo.errors import ArtifactError, PassingError, ZooError

_FILE = "NCNN_ZOO_VERDICT"


def begin(folder: Path, submission: str, attempt: int) -> str:
    """Let the processes of this one leave their verdict, and return that of an attempt before, or nothing.

    folder: where verdicts lie. submission: what tells what was sent from all else; attempt: the first is 1.
    """
    file = folder / sha256(submission.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[_FILE] = str(file.absolute())
    if attempt == 1:
        file.unlink(missing_ok=True)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def leave(error: ZooError, sentence: str) -> None:
    """Leave a verdict, if the error is one, and if this process is one of a submission."""
    passing = isinstance(error, PassingError) and not isinstance(error, ArtifactError)
    if not passing and (file := os.environ.get(_FILE)):
        Path(file).write_text(sentence, encoding="utf-8")
