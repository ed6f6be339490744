"""The software that the zoo runs on, as a software bill of materials in CycloneDX's form, by its own tool."""

import os
import subprocess
import sys
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.jobs.lifeline import end_with_parent


def write_sbom(path: Path) -> None:
    """List the distributions of the environment that this process runs in, with versions and licences. The
    same environment gives the same bytes: no time, no serial number. Raises ZooError if the tool fails."""
    with replacing(path) as (temporary,):
        options = ["--output-reproducible", "--no-validate", "--of", "JSON", "-o", str(temporary)]
        done = subprocess.run(
            [sys.executable, "-m", "cyclonedx_py", "environment", *options, sys.executable],
            env={name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"},
            capture_output=True,
            text=True,
            errors="replace",
            preexec_fn=end_with_parent,
        )
        if done.returncode:
            told = done.stderr.strip().splitlines() or ["without a word"]
            raise ZooError(f"cyclonedx-py failed: {told[-1]}; install what requirements.txt pins")
