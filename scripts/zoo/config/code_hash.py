"""A hash of the code a script runs: its own and every local module it imports, at any depth.

Snakemake reruns a rule when its script changes, but not when a module imported by it does.
Handing this hash to the rule as a parameter closes that gap. It is taken from the syntax
trees, so comments, blank lines and docstrings do not count.
"""

import ast
import hashlib
import platform
from functools import cache
from pathlib import Path

from zoo.jobs.made import remembered

_WHAT = f"code as Python {platform.python_version()} reads it"


def code_hash(
    script: str | Path, *more: str | Path, root: Path | None = None, notes: Path | None = None
) -> str:
    """Hash (hex) of `script`, `more` and their static local imports.

    Local means: found as a module or package under `root`, by default the script's folder. Imports inside
    functions count; imports by computed name do not, hence `more`. A file in `more` that is not
    Python, such as a template, counts by its text. notes: a folder where what a file holds is remembered
    while its state is the same, see `zoo.jobs.made`.
    """
    root = Path(script).parent if root is None else root
    files: set[Path] = set()
    pending = [Path(script), *map(Path, more)]
    while pending:
        path = pending.pop()
        if path not in files:
            files.add(path)
            pending.extend(each for name in _read(path, notes)[1:] for each in _module_files(root, name))
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(root)}\0{_read(path, notes)[0]}\0".encode())
    return digest.hexdigest()[:16]


@cache
def _read(path: Path, notes: Path | None) -> tuple[str, ...]:
    """What `_parsed` tells, from the notes if they have it: a syntax tree takes milliseconds."""
    return remembered(notes, _WHAT, [path], lambda: _parsed(path)) if notes else _parsed(path)


def _parsed(path: Path) -> tuple[str, ...]:
    """SHA-256 of what counts of a file (its syntax tree without docstrings), and the dotted names of all that
    it imports, or may: a name imported from a package can be a module."""
    if path.suffix != ".py":
        return (hashlib.sha256(path.read_bytes()).hexdigest(),)
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports += [f"{node.module}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), *dict.fromkeys(imports)


@cache
def _module_files(root: Path, dotted: str) -> list[Path]:
    """Files that importing `dotted` executes: every package on the way and the module itself."""
    files = []
    place = root
    for part in dotted.split("."):
        place = place / part
        if (place / "__init__.py").is_file():
            files.append(place / "__init__.py")
        elif place.with_suffix(".py").is_file():
            files.append(place.with_suffix(".py"))
    return files
