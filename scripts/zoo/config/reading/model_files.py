"""Models that are declared in files of their own: `models: {from: zoo/*.yaml}`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.config.reading.config_file import read, read_all
from zoo.config.reading.places import ConfigFile, locating, mistake, title
from zoo.config.reading.words import said
from zoo.errors import EntryError, PlacedError, ZooError

FROM = "from"
"""The key under `models` that is no model's name."""


def with_files(
    config: Mapping[str, Any], folder: Path = Path()
) -> tuple[Mapping[str, Any], Sequence[ConfigFile]]:
    """A configuration with the models of all files that `models: from:` names, beside those that it declares;
    and these files.

    `from` is a pattern of paths from `folder` on, as the shell's, or a list of them; a file has what `models`
    has: names, and an entry each. Models stand in the order of patterns and of files' names, after the
    configuration's own. Raises EntryError for a pattern that no file matches, and PlacedError for a file that
    cannot be read or declares no models, and for a name that is declared twice.
    """
    models = config.get("models")
    if not isinstance(models, Mapping) or FROM not in models:
        return config, ()
    own = {name: entry for name, entry in models.items() if name != FROM}
    declared: dict[str, str] = dict.fromkeys(own, "config.yaml")
    files = []
    for path in _paths(models[FROM], folder):
        file, found = _read(path)
        files.append(file)
        for name, entry in found.items():
            if name in declared:
                raise _mistake(
                    file, f"is declared in {declared[name]} and here; leave it out of one of them", name
                )
            own[name], declared[name] = entry, title(path)
    return {**config, "models": own}, files


def read_folder(folder: Path = Path(), over: Sequence[Path] = ()) -> tuple[dict[str, Any], list[ConfigFile]]:
    """The configuration of a folder with the models of its files, and all these files; empty where there is
    none. over: files that lie over its config.yaml, as those of Snakemake's `--configfile` do. Raises what
    `read_all` and `with_files` raise."""
    import yaml

    own = folder / "config.yaml"
    says_something = own.is_file() and read(own).root is not None
    paths = [own, *over] if says_something else over
    sources = read_all(paths)
    config: Mapping[str, Any] = {}
    for path in paths:
        config = _updated(config, yaml.safe_load(path.read_text("utf-8-sig")) or {})
    with locating(sources):
        config, files = with_files(config, folder)
    return dict(config), [*sources, *files]


def of_folder(folder: Path = Path(), over: Sequence[Path] = ()) -> dict[str, Any]:
    """The configuration of `read_folder` alone."""
    return read_folder(folder, over)[0]


def _updated(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`own` over `base` as Snakemake has it: key by key at every depth; values are replaced."""
    both = {key for key in own if isinstance(own[key], Mapping) and isinstance(base.get(key), Mapping)}
    return {**base, **own, **{key: _updated(base[key], own[key]) for key in both}}


def _paths(patterns: Any, folder: Path) -> Sequence[Path]:
    """The files, each once."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(listed, list) or not all(isinstance(each, str) and each for each in listed):
        raise _error(
            f"it names files of models, such as zoo/*.yaml, or a list of such; {said(patterns)} is neither, "
            "and no model can be called so"
        )
    found: dict[Path, None] = {}
    for pattern in listed:
        anchor = Path(pattern).anchor  # that of an absolute one
        below = (Path(anchor) if anchor else folder).glob(pattern.removeprefix(anchor))
        matching = sorted(path for path in below if path.is_file())
        if not matching:
            raise _error(f"no file is called {pattern}, seen from {folder.resolve()}")
        found |= dict.fromkeys(matching)
    return list(found)


def _read(path: Path) -> tuple[ConfigFile, Mapping[str, Any]]:
    """A file, and the entries by name that it has."""
    import yaml

    file = replace(read(path), below=("models",))
    values = yaml.safe_load(path.read_text("utf-8-sig"))
    if not isinstance(values, Mapping) or not values:
        raise _mistake(
            file, "it declares no models; write a line for each: mine: {timm: convnext_atto.d2_in1k}"
        )
    if "models" in values:
        raise _mistake(file, "names of models stand at its top, without models: around them", "models")
    if FROM in values:
        raise _mistake(file, "it stands in config.yaml only", FROM)
    return file, values


def _mistake(file: ConfigFile, text: str, key: str | None = None) -> ZooError:
    """What is wrong with a file, or with an entry of it."""
    if key is None:
        return PlacedError(f"{title(file.path)}: {text}")
    return mistake(f"models: {key}: {text}", [file], ("models", key))


def _error(text: str) -> EntryError:
    return EntryError(f"models: from: {text}", ("models", FROM))
