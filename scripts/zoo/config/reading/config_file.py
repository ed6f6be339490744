"""config.yaml as it is written: what its reader passes over in silence or chokes on, and where what stands.

Snakemake reads the file too, and hands over plain values: of a key that stands there twice the last, and
aliases in full. PyYAML is all that this needs beside the standard library, and Snakemake has loaded it.
"""

import codecs
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from zoo.config.reading.places import ConfigFile, Source, Where, entries, line_of, mistake, title
from zoo.config.reading.words import flow, reason
from zoo.errors import PlacedError, ZooError

MAX_BYTES = 4 << 20
MAX_VALUES = 200_000
"""Of a configuration with its aliases written out: enough for ten thousand models."""
MAX_DEPTH = 50
_LOOKED_AT = 4096
"""Bytes of a file, of which none is zero in UTF-8 text."""
_YAML = "tag:yaml.org,2002:"


def read(path: str | Path) -> ConfigFile:
    """Read a file. Raises PlacedError, naming the line, if it cannot be read, is no YAML, says a key twice,
    or holds more than any zoo needs, with its aliases written out."""
    import yaml

    path, loader = Path(path), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = _text(path)
    try:
        _check_depth(path, yaml.parse(text, loader))
        root = yaml.compose(text, loader)
        if root is not None:
            _check_size(path, root, {})
            _check_nodes(path, root, yaml.SafeLoader(""), set())
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        if mark and "".join(text.split("\n")[mark.line : mark.line + 1])[mark.column :].startswith("\t"):
            problem = "a tab, where YAML takes spaces only"
        raise PlacedError(f"no valid YAML: {problem or error}{_at(path, mark)}") from error
    return ConfigFile(path, root)


def read_all(paths: Iterable[str | Path]) -> list[ConfigFile]:
    """Read the files of a configuration. Raises what `read` raises, and PlacedError for one without keys."""
    found = [read(path) for path in paths]
    for file in found:
        if file.root is None or file.root.id != "mapping":
            what = "says nothing" if file.root is None else "has no keys at its top"
            hint = "declare a model: models: {mine: {timm: convnext_atto.d2_in1k}}"
            raise PlacedError(f"{title(file.path)} {what}; {hint}")
    return found


def refuse_given(paths: Iterable[str | Path], settings: Iterable[str] = ()) -> None:
    """End the process, with a sentence, for files that `read` refuses, which are given on the command line of
    Snakemake that is about to merge them, and for what --config is given and is no KEY=VALUE."""
    for setting in settings:
        if not re.match(r"[a-zA-Z_][\w-]*\w=", setting):
            raise SystemExit(
                f"error: --config {setting}: it takes KEY=VALUE, and every word up to the next option; what "
                "is to be built stands before it"
            )
    for path in paths:
        try:
            read(path)
        except ZooError as error:
            raise SystemExit(f"error: {error}") from None


def refuse_lost(arguments: Iterable[str]) -> None:
    """Raises ZooError if a command line of Snakemake names files of the configuration twice: it would take
    the last only."""
    if sum(each.partition("=")[0] in ("--configfile", "--configfiles") for each in arguments) > 1:
        raise PlacedError(
            "--configfile stands there twice, and only the last would count; name all files after one: "
            "--configfile a.yaml b.yaml"
        )


def check_values(config: Any, sources: Sequence[Source] = (), where: Where = ()) -> None:
    """Raises ZooError, naming the line, for what a schema lets pass: a key that is no text or cannot be seen
    in full, a number that is not finite or beyond 64 bits, text that no file's name can hold."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            if fault := _key_fault(key, _typed(key, sources, (*where, key))):
                raise mistake(f"{_written(where)}{fault}", sources, (*where, key))
            check_values(value, sources, (*where, key))
    elif isinstance(config, list):
        for index, value in enumerate(config):
            check_values(value, sources, (*where, index))
    elif fault := _fault(config):
        raise mistake(f"{_written(where)}{fault}", sources, where)


def _typed(key: Any, sources: Sequence[Source], where: Where) -> str:
    """A key as it was typed, or, where nobody knows, as YAML would have it."""
    found = [text for each in sources if (text := each.typed(where)) is not None]
    return found[-1] if found else flow(key)


def _key_fault(key: Any, typed: str) -> str | None:
    if type(key) in (int, float):
        comma = "; or is it the end of a number with a comma? It takes a point" if type(key) is int else ""
        return f"the key {typed} is no text; put it in quotes{comma}"
    if not isinstance(key, str):
        kind = "a date" if isinstance(key, date) else flow(key)
        kind = "bytes" if isinstance(key, bytes) else kind
        return f"the key {typed or '(an empty one)'} is read as {kind} by YAML; put it in quotes"
    if key != key.strip() or not key.isprintable():
        return f"the key {key!r} holds line breaks, or signs that nobody sees; write it without them"
    return None


def _fault(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number"
    if isinstance(value, int) and value.bit_length() > 63:
        return "the number is too large; 64 bits must hold it; if it is text, as of sha256, put it in quotes"
    if isinstance(value, date):
        return f"{flow(value)} is read as a date by YAML; put it in quotes"
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= each <= "\udfff" for each in value)):
        return f"{value[:40]!r} holds signs that no file's name can have; write it without them"
    return None


def _written(where: Where) -> str:
    return "".join(f"{part}: " for part in where)


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise PlacedError(f"{path} is missing or no regular file")
        if path.stat().st_size > MAX_BYTES:
            raise PlacedError(f"{path} has more than {MAX_BYTES >> 20} MiB, and is no configuration")
        content = path.read_bytes()
    except OSError as error:
        raise PlacedError(f"{path} cannot be read ({reason(error)})") from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:_LOOKED_AT]:
        raise PlacedError(f"{path} is not UTF-8 text (it looks like UTF-16); save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise PlacedError(
            f"{path} is not UTF-8 text (byte 0x{content[error.start]:02x}, line {line}, column {column}); "
            "save it as UTF-8"
        ) from error


def _check_depth(path: Path, events: Iterator[Any]) -> None:
    """Else the reader would recurse until the stack ends."""
    import yaml

    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise PlacedError(f"values lie within more than {MAX_DEPTH} others{_at(path, event.start_mark)}")


def _check_size(path: Path, node: Any, sizes: dict[int, float]) -> float:
    """How many values a node stands for, with its aliases written out; PlacedError if they are too many. A
    node that has itself within it, as an alias can bring about, is endless."""
    if id(node) in sizes and math.isinf(sizes[id(node)]):
        raise PlacedError(f"an alias stands for what it is itself a part of{_at(path, node.start_mark)}")
    if id(node) not in sizes:
        sizes[id(node)] = math.inf  # until it is known
        sizes[id(node)] = 1 + sum(_check_size(path, each, sizes) for each in _children(node))
    if sizes[id(node)] > MAX_VALUES:
        raise PlacedError(
            f"with aliases written out there are more than {MAX_VALUES} values{_at(path, node.start_mark)}"
        )
    return sizes[id(node)]


def _check_nodes(path: Path, node: Any, constructor: Any, done: set[int]) -> None:
    """Raises PlacedError for a key that is said twice in one place, and for a value that no reader makes."""
    if id(node) in done:
        return
    done.add(id(node))
    first: dict[str, int] = {}
    for key, value in entries(node):
        if key.id != "scalar":
            raise PlacedError(f"a key is a list or a mapping; write text there{_at(path, key.start_mark)}")
        if key.tag.endswith(":merge") and not _can_be_merged(value):
            raise PlacedError(f"<< takes a mapping, or a list of them{_at(path, key.start_mark)}")
        name, line = str(key.value), key.start_mark.line + 1
        if name in first:
            raise PlacedError(
                f"{name} stands there twice, and the first would be lost; merge the two "
                f"({title(path)}, lines {first[name]} and {line})"
            )
        first[name] = line
    for child in _children(node):
        _check_nodes(path, child, constructor, done)
    if node.tag not in (*constructor.yaml_constructors, f"{_YAML}merge") or not _is_of_its_tag(node):
        raise PlacedError(f"the tag {node.tag} has no meaning here; leave it out{_at(path, node.start_mark)}")
    if isinstance(node.value, str) and not node.tag.endswith(("str", "merge")):
        try:
            constructor.construct_object(node)
        except ValueError as error:  # a date that is none, or an endless number
            reason = str(error).partition(";")[0]
            raise PlacedError(
                f"{node.value[:40]!r} cannot be read ({reason}){_at(path, node.start_mark)}"
            ) from error


def _is_of_its_tag(node: Any) -> bool:
    """Whether the tag, which a file may write out, is one that such a node can have here."""
    own = {"mapping": f"{_YAML}map", "sequence": f"{_YAML}seq"}
    if node.id in own:
        return bool(node.tag == own[node.id])
    return node.tag not in {f"{_YAML}{each}" for each in ("map", "seq", "set", "omap", "pairs")}


def _can_be_merged(node: Any) -> bool:
    return node.id == "mapping" or (
        node.id == "sequence" and all(each.id == "mapping" for each in node.value)
    )


def _children(node: Any) -> list[Any]:
    if node.id == "mapping":
        return [each for pair in node.value for each in pair]
    return list(node.value) if node.id == "sequence" else []


def _at(path: Path, mark: Any) -> str:
    return f" ({title(path)}, {line_of(mark)})" if mark else f" ({title(path)})"
