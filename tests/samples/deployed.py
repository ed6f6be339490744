"""A deploy bundle as a user has it: unpacked, built, and run, in C++ and in Python."""

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Deployed:
    """A bundle in a folder of its own; `library` is ncnn in C++ (the fixture ncnn_library)."""

    def __init__(self, bundle: Path, folder: Path, library: Path) -> None:
        with zipfile.ZipFile(bundle) as archive:
            archive.extractall(folder)
        (self.folder,) = folder.iterdir()
        self._call("cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={library}")
        self._call("cmake", "--build", "build")

    def cpp(self, *arguments: str | Path) -> str:
        """What the C++ program prints."""
        return self._call("build/classify", "--threads", "1", *arguments)

    def python(self, *arguments: str | Path) -> str:
        """What its twin prints."""
        return self._call(sys.executable, "predict.py", "--threads", "1", *arguments)

    def _call(self, *command: str | Path) -> str:
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def logits(printed: str) -> NDArray[np.float64]:
    """What `--logits` prints, (images, classes)."""
    return np.array([lines[1:] for lines in _by_image(printed)], np.float64)


def top5(printed: str) -> list[list[str]]:
    """The classes that are printed for each image, best first, with index and label."""
    return [[line.split(maxsplit=1)[1] for line in lines[1:]] for lines in _by_image(printed)]


def _by_image(printed: str) -> Sequence[list[str]]:
    images: list[list[str]] = []
    for line in printed.splitlines():
        if line.startswith("/"):  # tests give absolute paths, and no label or number starts like that
            images.append([])
        images[-1].append(line)
    return images
