"""The library of this folder, for the jobs of a build: another one may be installed in the environment."""

import os
from pathlib import Path


def lead(scripts: Path) -> None:
    """Put the folder with `zoo` in front of what Python searches in the processes started from now on.

    Snakemake puts the folder of a job's script behind packages that are installed, an ncnn-zoo of another
    folder among them.
    """
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{scripts}{os.pathsep}{before}" if before else str(scripts)
