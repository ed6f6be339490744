"""Where the workflow and the configuration are, and how Snakemake is called."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from zoo.config.reading import schema_error
from zoo.config.reading.model_files import of_folder, read_folder
from zoo.config.reading.places import locating
from zoo.config.zoo import Zoo, no_device
from zoo.errors import ZooError, meant, require_extra

CONFIG = Path("config.yaml")
_LIBRARY = Path(__file__).resolve().parents[1]


def home() -> Path:
    """The folder of ncnn-zoo: that of its repository, or, of an installed package, the copy there."""
    installed = _LIBRARY / "workflow"
    return installed if installed.is_dir() else _LIBRARY.parents[1]


def configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --configfile, as Snakemake's: files that lie over config.yaml."""
    return click.option(
        "--configfile",
        "over",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="A configuration that lies over config.yaml; may be given several times.",
    )(command)


def declared(over: Sequence[Path] = ()) -> Zoo:
    """The zoo of the working folder, with files over its configuration. Raises ZooError if there is none, or
    its configuration is wrong."""
    if not (CONFIG.is_file() or over):
        raise ZooError(f"there is no config.yaml in {Path.cwd()}; zoo init MODEL writes one")
    read, files = read_folder(over=over)
    if not read:
        raise ZooError("config.yaml says nothing; zoo init MODEL declares a model in it")
    schema_error.check(read, home() / "rules/config.schema.yaml", files)
    with locating(files):
        return Zoo.of(read, home())


def model_of(name: str, among: Zoo) -> str:
    """The name, if a model is called so. Raises ZooError, with the nearest, if none is."""
    if name not in among.models:
        hint = meant([name], list(among.models)) or f"declared are: {', '.join(among.models) or 'none'}"
        raise ZooError(f"{name} is no model of config.yaml; {hint}")
    return name


def devices_of(names: Sequence[str], among: Zoo) -> tuple[str, ...]:
    """The devices of these names; all that there are, if none is given. Raises ZooError, with the nearest or
    what there is, for one that is none."""
    for name in names:
        if name not in among.all_devices:
            raise ZooError(f"--device: {no_device(name, among.targets)}")
    return tuple(names) or among.all_devices


def targets() -> set[str]:
    """The names of the workflow's rules, which can be built as models are."""
    files = [home() / "Snakefile", *(home() / "rules").glob("*.smk")]
    return {name for file in files for name in re.findall(r"^rule (\w+):", file.read_text("utf-8"), re.M)}


def snakemake(arguments: Sequence[str], quiet_output: bool = False) -> int:
    """Call Snakemake in the working folder, with its own Snakefile if it has one, else with ncnn-zoo's.

    Returns its exit status. Ctrl-C is for Snakemake alone, which ends its jobs. quiet_output: whatever it
    prints goes to the standard error.
    """
    require_extra("building", "build", "snakemake", "torch")
    own = any(Path(name).is_file() for name in ("Snakefile", "workflow/Snakefile"))
    where = [] if own else ["--snakefile", str(home() / "Snakefile")]
    command = [sys.executable, "-m", "snakemake", *where, *arguments]
    process = subprocess.Popen(command, stdout=sys.stderr if quiet_output else None)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def complete_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: the declared models whose names begin so."""
    try:
        names: Iterable[str] = of_folder().get("models") or {}
    except ZooError:
        names = ()
    return [name for name in names if name.startswith(incomplete)]
