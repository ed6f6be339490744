"""The program of a deploy bundle, compiled for a target by the bundle's own CMakeLists.txt."""

import json
import shutil
import subprocess
import zipfile
from importlib.metadata import version
from pathlib import Path

from zoo.config.records.program import Program
from zoo.jobs.files import sha256
from zoo.targets.cmake import built, tools_for
from zoo.targets.source import fetch


def compile_program(
    bundle: Path, architecture: str, requirements: Path, scratch: Path, target: Path, processes: int = 1
) -> Program:
    """Write the program of a bundle, and say what it is: static, with the layer types of the artifact alone.

    requirements: the file that pins ncnn, whose source is fetched. scratch: a folder for what is in between;
    what another bundle left there is taken again.

    Raises ZooError if a tool is missing, ncnn's source is not to be had, or it does not build.
    """
    tools = tools_for(architecture)
    tools.check(f"the program for {architecture}")
    scratch = scratch.resolve()
    scratch.mkdir(exist_ok=True)
    _unpack(bundle, scratch / "bundle")
    source, build = scratch / "source/ncnn", scratch / "build"
    if not source.is_dir():
        fetch(requirements, scratch / "source")
    definitions = {"NCNN_SOURCE": str(source)}
    shutil.copy(built("classify", scratch / "bundle", build, tools, definitions, processes), target)
    told = json.loads((scratch / "bundle/preprocess.json").read_text("utf-8"))
    said = subprocess.run([tools.compiler, "--version"], capture_output=True, text=True, check=True)
    return Program(
        model=told["model"],
        device=told["device"],
        artifact=told["artifact"],
        architecture=architecture,
        bytes=target.stat().st_size,
        sha256=sha256(target),
        layer_types=tuple((build / "layer-types.txt").read_text("utf-8").split()),
        ncnn=version("ncnn"),
        compiler=said.stdout.splitlines()[0],
        bundle=sha256(bundle),
    )


def _unpack(bundle: Path, folder: Path) -> None:
    """The files of a bundle, without the folder that they lie in there."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(bundle) as archive:
        for name in archive.namelist():
            (folder / Path(name).name).write_bytes(archive.read(name))
