"""A hash of the code a script runs: its own and every local module it imports, at any depth.

Snakemake reruns a rule when its script changes, but not when a module imported by it does.
Handing this hash to the rule as a parameter closes that gap. It is taken from the syntax
trees, so comments, blank lines and docstrings do not count.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path


def code_hash(script: str | Path, *more: str | Path, root: Path | None = None) -> str:
    """Hash (hex) of `script`, `more` and their static local imports.

    Local means: found as a module or package under `root`, by default the script's folder. Imports inside
    functions count; imports by computed name do not, hence `more`. A file in `more` that is not
    Python, such as a template, counts by its text.
    """
    root = Path(script).parent if root is None else root
    files: set[Path] = set()
    pending = [Path(script), *map(Path, more)]
    while pending:
        path = pending.pop()
        if path not in files:
            files.add(path)
            pending.extend(_parsed(path, root)[1])
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(root)}\0{_parsed(path, root)[0]}\0".encode())
    return digest.hexdigest()[:16]


@cache
def _parsed(path: Path, root: Path) -> tuple[str, list[Path]]:
    """What counts of a file (its syntax tree without docstrings), and the local files it imports."""
    if path.suffix != ".py":
        return path.read_text(encoding="utf-8"), []
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports: list[Path] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                imports += _module_files(root, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                imports += _module_files(root, f"{node.module}.{alias.name}")
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree), imports


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
