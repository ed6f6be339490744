"""The agent, with ncnn compiled of its own source, and both kept: what each is made of decides where.

They lie in `$XDG_CACHE_HOME/ncnn-zoo` (by default `~/.cache/ncnn-zoo`), for the zoos of a machine share it.
"""

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from importlib.metadata import version
from pathlib import Path

from zoo.jobs.scratch import scratch, sweep
from zoo.targets import cmake
from zoo.targets.source import fetch, pinned

BASELINE = "NCNN_ZOO_BASELINE"
"""A variable of the environment that, for tests, leaves out all kernels for newer processors of x86."""
_JSON = Path("nlohmann/json.hpp")
_INCLUDES = ("/usr/include", "/usr/local/include", "/opt/homebrew/include")


def agent_program(
    architecture: str, requirements: Path, layers: Collection[str] | None = None, processes: int = 1
) -> Path:
    """The agent for an architecture, from the cache, or built: in seconds if ncnn's library is in the cache,
    which changes more seldom than the agent, and else in minutes.

    requirements: the file that pins ncnn. layers: ncnn's layer types that it must have, None for all.
    Raises ZooError if a tool is missing, ncnn's source is not to be had, or it does not build.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ncnn-zoo"
    program = cache / f"agent-{architecture}-{key_of(architecture, requirements, layers)}"
    cache.mkdir(parents=True, exist_ok=True)
    sweep(cache)  # what builds left that were killed
    with _locked(program.with_suffix(".lock")):
        if not program.is_file():
            check_tools(architecture)
            library = cache / f"ncnn-{architecture}-{library_key(architecture, requirements, layers)}"
            with _locked(library.with_suffix(".lock")):
                if not library.is_dir():
                    _build_library(architecture, requirements, layers, processes, library)
            with scratch(program) as folder:
                _build_agent(architecture, library, folder / "build").replace(program)
    return program


def check_tools(architecture: str) -> None:
    """Raises ZooError, naming what to install, if something is missing that builds the agent."""
    json = {"nlohmann-json3-dev": _json_include() is not None}
    cmake.tools_for(architecture).check(f"the agent for {architecture}", json)


def key_of(architecture: str, requirements: Path, layers: Collection[str] | None) -> str:
    """Changes with everything that an agent is made of, but for the compiler."""
    return _key(library_key(architecture, requirements, layers), cmake.AGENT)


def library_key(architecture: str, requirements: Path, layers: Collection[str] | None) -> str:
    """The same of ncnn's library in it."""
    kinds = "all" if layers is None else " ".join(sorted(layers))
    return _key(f"{architecture} {pinned(requirements)}{_baseline()}{kinds}", cmake.NCNN)


def _key(what: str, folder: Path) -> str:
    digest = hashlib.sha256(what.encode())
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _build_library(
    architecture: str, requirements: Path, layers: Collection[str] | None, processes: int, target: Path
) -> None:
    with scratch(target) as folder:
        definitions = {
            "NCNN_SOURCE": str(fetch(requirements, folder / "source")),
            "NCNN_VERSION": version("ncnn").rpartition(".")[2],
            "BASELINE": _baseline() or "OFF",
            **({} if layers is None else {"NCNN_LAYERS": ";".join(sorted(layers))}),
        }
        tools = cmake.tools_for(architecture)
        made = cmake.built("ncnn", cmake.NCNN, folder / "build", tools, definitions, processes)
        cmake.install(made, folder / "ncnn")
        (folder / "ncnn").rename(target)


def _build_agent(architecture: str, library: Path, folder: Path) -> Path:
    definitions = {"ncnn_DIR": str(library / "lib/cmake/ncnn"), "JSON_INCLUDE": str(_json_include())}
    return cmake.built("agent", cmake.AGENT, folder, cmake.tools_for(architecture), definitions)


def _baseline() -> str:
    return "ON" if os.environ.get(BASELINE) == "1" else ""


def _json_include() -> Path | None:
    """The folder of headers that has nlohmann's JSON."""
    return next((Path(each) for each in _INCLUDES if (Path(each) / _JSON).is_file()), None)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Jobs of several builds that need the same agent: one builds it, the others wait."""
    with path.open("w") as handle:
        flock(handle, LOCK_EX)
        yield
