"""ncnn's own source, of the version that is installed: the source distribution of its Python package.

pip fetches it, from whatever index it is set up for, and checks it against the hash in requirements.txt. It
may end with an error after that, for the package's setup.py takes the day for its version; so what it
unpacked is taken, and not what it says.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from zoo.errors import ZooError

_PIN = re.compile(r"^ncnn==(\S+).*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def pinned(requirements: Path) -> str:
    """The lines of a file of requirements that pin ncnn, hashes included.

    Raises ZooError if there are none, or another version is installed.
    """
    pin = _PIN.search(requirements.read_text(encoding="utf-8"))
    if pin is None or "--hash" not in pin[0]:
        raise ZooError(f"{requirements}: ncnn is not pinned there with hashes; run make lock")
    if pin[1] != version("ncnn"):
        raise ZooError(
            f"ncnn {version('ncnn')} is installed, and {requirements} pins {pin[1]}: an agent of another "
            "version would compute otherwise; install what is pinned (make .venv/run)"
        )
    return pin[0]


def fetch(requirements: Path, folder: Path) -> Path:
    """The source, unpacked below a folder that is empty. Raises ZooError if it is not to be had."""
    own = folder / "pip"
    own.mkdir(parents=True)
    (folder / "requirements.txt").write_text(pinned(requirements), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "ncnn"]
    command += ["--no-build-isolation", "--require-hashes", "--no-clean", "-r", "requirements.txt"]
    environment = os.environ | {"TMPDIR": str(own)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    unpacked = [path.parent.parent for path in own.rglob("ncnn_*/src/net.cpp")]
    if len(unpacked) != 1:
        said = done.stderr.strip().splitlines()[-1:] or ["it says nothing"]
        raise ZooError(
            f"pip cannot fetch ncnn's source distribution ({said[0]}); is the package index there?"
        )
    target = folder / "ncnn"
    shutil.move(unpacked[0], target)
    shutil.rmtree(own)
    return target
