"""Models that are declared in files of their own: `models: {from: zoo/*.yaml}`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.config.reading.config_file import read
from zoo.errors import EntryError, ZooError

FROM = "from"
"""The key under `models` that is no model's name."""


def with_files(config: Mapping[str, Any], folder: Path = Path()) -> Mapping[str, Any]:
    """A configuration with the models of all files that `models: from:` names, beside those that it declares.

    `from` is a pattern of paths from `folder` on, as the shell's, or a list of them; a file has what `models`
    has: names, and an entry each. Models stand in the order of patterns and of files' names, after the
    configuration's own. Raises ZooError, naming the file, for a pattern that no file matches, a file that
    cannot be read or declares no models, and a name that is declared twice.
    """
    models = config.get("models")
    if not isinstance(models, Mapping) or FROM not in models:
        return config
    own = {name: entry for name, entry in models.items() if name != FROM}
    declared: dict[str, str] = dict.fromkeys(own, "config.yaml")
    for file in _files(models[FROM], folder):
        for name, entry in _models(file).items():
            if name in declared:
                raise _error(
                    f"{name} is declared in {declared[name]} and in {file}; leave it out of one of them"
                )
            own[name], declared[name] = entry, str(file)
    return {**config, "models": own}


def of_folder(folder: Path = Path()) -> dict[str, Any]:
    """The configuration of a folder with the models of its files; empty where there is none. Raises what
    `read` and `with_files` raise."""
    import yaml

    path = folder / "config.yaml"
    if not path.is_file():
        return {}
    read(path)
    return dict(with_files(yaml.safe_load(path.read_text("utf-8-sig")) or {}, folder))


def _files(patterns: Any, folder: Path) -> Sequence[Path]:
    """The files, each once."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(listed, list) or not all(isinstance(each, str) and each for each in listed):
        raise _error(
            f"a pattern of files is text, such as zoo/*.yaml, or a list of such; {patterns!r} is neither"
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


def _models(file: Path) -> Mapping[str, Any]:
    import yaml

    try:
        read(file)
        values = yaml.safe_load(file.read_text("utf-8-sig"))
    except ZooError as error:
        raise _error(f"{file}: {error}") from error
    if not isinstance(values, Mapping) or not values:
        raise _error(
            f"{file} declares no models; write a line for each: mine: {{timm: convnext_atto.d2_in1k}}"
        )
    if "models" in values:
        raise _error(f"{file}: names of models stand at its top, without models: around them")
    if FROM in values:
        raise _error(f"{file}: from: stands in config.yaml only")
    return values


def _error(text: str) -> EntryError:
    return EntryError(f"models: from: {text}", ("models", FROM))
