"""Whether a folder is what its manifest says, byte for byte."""

import os
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.files import regular, sha256
from zoo.provenance.covered import is_left_out
from zoo.provenance.manifest import Manifest


def differences(path: Path) -> Iterator[str]:
    """A sentence for each file that differs from the manifest at `path`, is missing, or is there and not in
    it; every byte is read. Raises ZooError if there is no manifest, or a broken one."""
    if not path.is_file():
        raise ZooError(f"{path}: there is no manifest; make one: snakemake {path}")
    manifest = Manifest.read(path)
    for name, described in manifest.files.items():
        file = path.parent / name
        try:
            digest = sha256(regular(file))
        except (FileNotFoundError, NotADirectoryError):
            yield f"{file} is missing"
            continue
        except (ZooError, OSError) as error:
            yield f"{file} cannot be read: {error}"
            continue
        if digest != described.sha256:
            said = f"that in the manifest {described.sha256[:12]}…"
            yield f"{file} is another: its SHA-256 is {digest[:12]}…, {said}"
    for name in _files(path.parent):
        if name not in manifest.files and not is_left_out(name, manifest.left_out):
            yield f"{path.parent / name} is there and not in the manifest"


def _files(folder: Path) -> Iterator[str]:
    """The paths of all that is no folder, sorted."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in sorted([*names, *links]):
            yield Path(parent, name).relative_to(folder).as_posix()
