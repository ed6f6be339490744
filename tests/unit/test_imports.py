"""What imports what: the order of the library's packages, and which jobs load torch, which costs seconds."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
LIBRARY = SCRIPTS / "zoo"
# From the ground up: what each package may import beside itself, errors and array_types. A new arrow is
# a line here.
MAY_IMPORT = {
    "errors": set(),
    "array_types": set(),
    "jobs": set(),
    "cache": {"jobs"},
    "storage": {"jobs"},
    "images": {"jobs"},
    "ncnn": {"jobs"},
    "config": {"jobs", "images", "ncnn"},
    "targets": {"jobs", "ncnn"},
    "runners": {"jobs", "images", "ncnn", "config", "targets"},
    "predict": {"jobs", "images", "config", "runners"},
    "measure": {"jobs", "images", "ncnn", "config", "runners"},
    "onnx": {"images", "config", "measure"},
    "models": {"jobs", "images", "config", "runners", "onnx"},
    "training": {"jobs", "images", "config", "models"},
    "export": {"jobs", "images", "ncnn", "config", "runners", "models", "measure", "onnx"},
    "calibration": {"jobs", "images", "ncnn", "config", "runners"},
    "precision": {"jobs", "images", "ncnn", "config", "runners", "measure"},
    "quantize": {"jobs", "ncnn", "calibration"},
    "search": {"jobs", "ncnn", "config", "runners", "measure", "calibration", "precision", "quantize"},
    "locks": {"jobs", "images", "ncnn", "config", "runners", "quantize", "search"},
    "sweep": {
        *("jobs", "images", "ncnn", "config", "runners", "models", "measure", "export", "onnx"),
        *("calibration", "quantize", "search"),
    },
    "deploy": {"jobs", "images", "ncnn", "config", "targets"},
    "serving": {"jobs", "images", "config", "runners", "predict"},
    "history": {"jobs", "config", "runners"},
    "report": {"jobs", "images", "config", "runners", "measure", "search", "sweep", "deploy", "history"},
    "site": {"jobs", "config", "sweep", "report"},
    "provenance": {"jobs", "images", "config"},
    "cli": {
        *("jobs", "images", "ncnn", "config", "runners", "predict", "models", "measure"),
        *("precision", "quantize", "sweep", "serving", "report", "provenance"),
    },
    "terminal": {"jobs", "config", "report"},
}
FACES = {"runners", "models.libraries", "export.rewrites"}
"""The packages whose `__init__` does more than to say what they are: it chooses among their modules."""
WITH_TORCH = {"weights", "import_file", "train", "torchscript", "onnx_export", "reference"}
WITH_TORCH |= {"list_architectures"}
WITHOUT_TORCH = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem not in WITH_TORCH)


@pytest.mark.parametrize("script", WITHOUT_TORCH)
def test_a_job_outside_the_weights_and_export_stages_loads_no_torch(script: str):
    code = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import {script}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "timm", "torchvision", "onnxsim", "sklearn"} & set(loaded.split())


def test_the_rules_load_nothing_heavy_when_they_are_parsed():
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "import zoo.config.changes, zoo.config.asked, zoo.config.reading.schema_error\n"
        "import zoo.history.baseline, zoo.history.build, zoo.provenance.covered; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "PIL", "ncnn", "jsonschema", "msgspec"} & set(loaded.split())


def module_name(file: Path) -> str:
    """`ncnn.graph` for scripts/zoo/ncnn/graph.py, `ncnn` for the package itself."""
    return ".".join(file.relative_to(LIBRARY).with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {module_name(file): file for file in sorted(LIBRARY.rglob("*.py")) if module_name(file)}


def imports(file: Path) -> set[str]:
    """The modules of the library that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, inside = name.partition(".")
            if package == "zoo":
                found.add(inside if inside in MODULES else inside.rpartition(".")[0])
    return found


IMPORTS = {name: imports(file) for name, file in MODULES.items()}


def package_of(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_the_table_admits(module: str):
    package = package_of(module)
    admitted = MAY_IMPORT[package] | {package, "errors", "array_types"}
    strangers = {name for name in IMPORTS[module] if package_of(name) not in admitted}
    assert not strangers, f"{module} imports {strangers}; see MAY_IMPORT"


def test_the_table_has_no_circle_and_every_package():
    order = list(MAY_IMPORT)
    assert set(order) == {package_of(module) for module in MODULES}
    for package, admitted in MAY_IMPORT.items():
        assert all(order.index(each) < order.index(package) for each in admitted)


def test_no_modules_import_each_other_in_a_circle():
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, f"circle: {' -> '.join([*way, module])}"
        if module not in done:
            for other in sorted(IMPORTS[module]):
                if other != module:
                    visit(other, (*way, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("package", [name for name, file in MODULES.items() if file.name == "__init__.py"])
def test_a_package_hands_no_names_on(package: str):
    body = ast.parse(MODULES[package].read_text()).body
    assert ast.get_docstring(ast.Module(body, [])), f"{package} does not say what it is"
    if package not in FACES:
        assert len(body) == 1, f"{package} holds more than its docstring"


def test_the_architecture_page_has_this_table():
    page = (SCRIPTS.parent / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| ?(.*?) ?\|$", page, re.MULTILINE)
    assert [package for package, _, _ in rows] == list(MAY_IMPORT)
    for package, what, admitted in rows:
        assert set(re.findall(r"\w+", admitted)) == MAY_IMPORT[package], package
        assert what == (ast.get_docstring(ast.parse(MODULES[package].read_text())) or "").split("\n")[0]
