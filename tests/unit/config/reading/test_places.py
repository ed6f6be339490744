"""What is wrong with the configuration is told with the file, line and column in which it stands."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from zoo.config.reading.config_file import read, read_all
from zoo.config.reading.places import ConfigFile, TypedConfig, located, locating, mistake, title
from zoo.config.zoo import Zoo
from zoo.errors import PlacedError, ZooError


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_place_of_a_value_is_that_of_its_key_or_of_what_is_around_it(tmp_path: Path):
    text = "models:\n  one: {timm: x}\n  two:\n    inputs:\n    - shape: [3]\n    - shape: [4]\n7: x\n"
    file = read(written(tmp_path, text))
    assert file.found(("models", "one", "timm")) == (3, "config.yaml, line 2, column 9")
    assert file.found(("models", "two", "inputs", 1, "shape")) == (5, "config.yaml, line 6, column 7")
    assert file.found(("models", "two", "gates", "int8")) == (2, "config.yaml, line 3, column 3")
    assert file.found((7,)) == (1, "config.yaml, line 7, column 1")
    assert file.found(("devices",)) == file.found(()) == (0, "")
    assert ConfigFile(tmp_path, None).found(("a",)) == (0, "")


def test_a_part_of_somebodys_file_and_the_last_of_several_files_are_looked_at(tmp_path: Path):
    part = read(written(tmp_path, "other: 1\nzoo:\n  models:\n    one: 5\n"))
    assert part.found(("models", "one")) == (2, "config.yaml, line 4, column 5")
    (tmp_path / "config.yaml").write_text("other: 1\nmodels: {one: {timm: x}}\n")
    (tmp_path / "more.yaml").write_text("\n\nmodels: {one: {opset: 6}}\n")
    files = read_all([tmp_path / "config.yaml", tmp_path / "more.yaml"])
    assert located(files, ("models", "one")) == " (more.yaml, line 3, column 10)"
    assert located(files, ("models", "one", "timm")) == " (config.yaml, line 2, column 16)"
    assert located(files, ("other",)) == " (config.yaml, line 1, column 1)"
    assert located(files, ("gone",)) == located(files, ()) == ""


ENTRIES = """models:
  one: {timm: resnet18}
  two:
    timm: resnet18
    preprocess:
      size: [32, 32]
      croop: 1
  three:
    onnx: a.onnx
    args: {depth: 2}
  four: {}
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "two",
            r"two: preprocess: unknown croop; did you mean crop_pct\? \(config.yaml, line 7, column \d+\)$",
        ),
        ("three", r"three: args are for what builds a model.* \(config.yaml, line 10, column \d+\)$"),
        ("four", r"four: say which model it is .* \(config.yaml, line 11, column \d+\)$"),
    ],
)
def test_what_no_zoo_can_be_made_of_is_told_with_the_place(tmp_path: Path, name: str, said: str):
    file = read(written(tmp_path, ENTRIES))
    entry = yaml.safe_load(ENTRIES)["models"][name]
    with pytest.raises(ZooError, match=said), locating([file]):
        Zoo.of({"models": {name: entry}})


def test_without_a_file_it_is_told_without(tmp_path: Path):
    with pytest.raises(ZooError, match=r"one: say which model it is .*d2_in1k$"), locating([]):
        Zoo.of({"models": {"one": {}}})


def test_a_file_of_models_has_what_stands_below_them(tmp_path: Path):
    own = read(written(tmp_path, "models:\n  from: zoo/*.yaml\n"))
    (tmp_path / "a.yaml").write_text("# more\none:\n  timm: x\n")
    file = replace(read(tmp_path / "a.yaml"), below=("models",))
    assert located([own, file], ("models", "one", "timm")) == " (a.yaml, line 3, column 3)"
    assert located([own, file], ("models", "two")) == " (config.yaml, line 1, column 1)"
    assert located([own, file], ("one",)) == ""


def test_what_was_typed_has_its_place_on_the_command_line(tmp_path: Path):
    file = read(written(tmp_path, "models: {one: {timm: x}}\n"))
    sources = [file, TypedConfig({"models": {"two": {"timm": "y"}}, "opset": 99})]
    assert located(sources, ("models", "two", "timm")) == " (--config)"
    assert located(sources, ("opset",)) == " (--config)"
    assert located(sources, ("models", "one", "timm")) == " (config.yaml, line 1, column 16)"


def test_a_sentence_names_its_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = read(written(tmp_path, "models: {}\n"))
    placed, unplaced = mistake("it is wrong", [file], ("models",)), mistake("it is wrong", [file])
    assert isinstance(placed, PlacedError) and str(placed) == "it is wrong (config.yaml, line 1, column 1)"
    assert not isinstance(unplaced, PlacedError) and str(unplaced) == "it is wrong"
    monkeypatch.chdir(tmp_path)
    assert title(tmp_path / "zoo/a.yaml") == title(Path("zoo/a.yaml")) == "zoo/a.yaml"
    assert title(tmp_path.parent / "a.yaml") == "a.yaml"
