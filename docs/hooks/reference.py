"""The reference, from what it is about: the schema of config.yaml, the rules, the programs."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

Schema = Mapping[str, Any]


def pages(root: Path) -> dict[str, str]:
    """Each page of the reference by its name, as Markdown."""
    return {"config": config(root), "rules": rules(root), "programs": programs(root)}


def config(root: Path) -> str:
    """Every key of config.yaml: a section for each thing that has keys."""
    schema = yaml.safe_load((root / "rules/config.schema.yaml").read_text(encoding="utf-8"))
    definitions = schema["$defs"]
    parts = ["# Configuration", _prose(schema["description"]), "Made from `rules/config.schema.yaml`."]
    parts += ["## config.yaml", _table(schema, definitions)]
    for name, entry in definitions.items():
        if "properties" in entry:
            parts += [f"## {name}", _table(entry, definitions)]
    return "\n\n".join(parts) + "\n"


def _table(schema: Schema, definitions: Schema) -> str:
    rows = [
        f"| `{key}` | {_kind(entry, definitions)} | {_default(entry)} | {_text(entry, definitions)} |"
        for key, entry in _keys(schema)
    ]
    return "\n".join(["| key | value | default | what |", "|---|---|---|---|", *rows])


def _keys(schema: Schema, above: str = "") -> Iterator[tuple[str, Schema]]:
    """Keys in their order; those of a mapping without a section of its own follow it, by their path."""
    for key, entry in schema.get("properties", {}).items():
        yield f"{above}{key}", entry
        for form in (entry, *entry.get("oneOf", ())):
            if form is not schema and "$ref" not in form:
                yield from _keys(form, f"{above}{key}.")


def _kind(entry: Schema, definitions: Schema) -> str:
    """What a value may be, in words; a link where it has keys of its own."""
    if "$ref" in entry:
        name = entry["$ref"].rpartition("/")[2]
        if "properties" in definitions.get(name, {}):
            return f"[{name}](#{name})"
        return _kind(definitions[name], definitions) if name in definitions else f"as `{name}`"
    if "enum" in entry:
        return ", ".join(f"`{'null' if each is None else each}`" for each in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    if "oneOf" in entry and "type" not in entry:
        return " or ".join(dict.fromkeys(_kind(form, definitions) for form in entry["oneOf"]))
    kinds = entry.get("type", "any")
    said = [kinds] if isinstance(kinds, str) else kinds
    names = {"object": "mapping", "array": "list", "string": "text", "boolean": "true, false"}
    of = entry.get("items", {}) if "array" in said else entry.get("additionalProperties", {})
    inner = f" of {_kind(of, definitions)}" if isinstance(of, Mapping) and "$ref" in of else ""
    return " or ".join(names.get(each, each) for each in said if each != "null") + inner


def _default(entry: Schema) -> str:
    if "default" not in entry:
        return ""
    text = yaml.safe_dump(entry["default"], default_flow_style=True, width=10000, sort_keys=False).strip()
    return f"`{text.removesuffix('...').strip()}`"


def _text(entry: Schema, definitions: Schema) -> str:
    own = entry.get("description") or definitions.get(entry.get("$ref", "").rpartition("/")[2], {}).get(
        "description", ""
    )
    return _prose(own)


def _prose(text: str) -> str:
    """One line, in which no table and, outside of code, no HTML is seen."""
    parts = re.sub(r"\s+", " ", text).strip().replace("|", "\\|").split("`")
    return "`".join(each if index % 2 else each.replace("<", "&lt;") for index, each in enumerate(parts))


RULE = re.compile(
    r'^(?:rule|checkpoint|use rule \w+ as) (\w+)(?: with)?:\n(?:    """(.*?)""")?', re.MULTILINE | re.DOTALL
)


def rules(root: Path) -> str:
    """Every rule with its docstring, below that of its file, which says what is needed and what is made."""
    order = re.findall(r'^include: "(rules/\w+\.smk)"', (root / "Snakefile").read_text(), re.MULTILINE)
    parts = [
        "# Rules",
        "Made from the docstrings of `Snakefile` and `rules/*.smk`, in the order of the build.",
    ]
    for name in ["Snakefile", *order]:
        text = (root / name).read_text(encoding="utf-8")
        found = [(rule, _prose(said or "")) for rule, said in RULE.findall(text)]
        if not found:
            continue
        head = ast.get_docstring(ast.parse(text.partition('"""\n')[0] + '"""')) or ""
        parts += [f"## {name}", *(_prose(line) for line in re.split(r"\n(?=Makes:)", head))]
        parts += [
            "| rule | what it does |\n|---|---|\n"
            + "\n".join(f"| `{rule}` | {said} |" for rule, said in found)
        ]
    return "\n\n".join(parts) + "\n"


def programs(root: Path) -> str:
    """The command `zoo`, as click knows it, and the other programs in scripts/ that take arguments."""
    sys.path.insert(0, str(root / "scripts"))
    from zoo.cli.main import COMMANDS, zoo

    parts = [
        "# Programs",
        "Made from their sources; `--help` of each says the same. See [the command zoo](../cli.md).",
    ]
    for name in COMMANDS:
        command = zoo.get_command(click.Context(zoo), name)
        context = click.Context(command, info_name=name)
        usage = " ".join(command.collect_usage_pieces(context))
        parts += [f"## zoo {name}", f"`zoo {name} {usage}`", *_paragraphs(command.help or "")]
        records = [each.get_help_record(context) for each in command.params if isinstance(each, click.Option)]
        parts += _arguments([(f"`{each[0]}`", each[1]) for each in records if each])
    for path in sorted((root / "scripts").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        options = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "add_argument"
        ]
        if options:
            parts += [f"## {path.name}", *_paragraphs(ast.get_docstring(tree) or "")]
            parts += _arguments([(_names(each), _help(each)) for each in options])
    return "\n\n".join(parts) + "\n"


def _paragraphs(text: str) -> list[str]:
    return [_prose(each.replace("\b", "")) for each in text.split("\n\n")]


def _arguments(rows: list[tuple[str, str]]) -> list[str]:
    """A table, if there are any."""
    lines = [f"| {name.replace('|', chr(92) + '|')} | {_prose(said)} |" for name, said in rows]
    return ["\n".join(["| option | what |", "|---|---|", *lines])] if lines else []


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _names(node: ast.Call) -> str:
    return ", ".join(f"`{each.value}`" for each in node.args if isinstance(each, ast.Constant))


def _help(node: ast.Call) -> str:
    """The text of `help=`, as far as it is written out."""
    said = next((each.value for each in node.keywords if each.arg == "help"), None)
    parts = [each.value for each in ast.walk(said) if isinstance(each, ast.Constant)] if said else []
    return "".join(str(each) for each in parts)
