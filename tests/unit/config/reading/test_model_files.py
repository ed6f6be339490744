"""Models of files are as if they stood in config.yaml; what is wrong with a file is told by its name."""

from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from zoo.config.reading.model_files import of_folder, read_folder, with_files
from zoo.config.reading.places import located
from zoo.config.zoo import Zoo
from zoo.errors import PlacedError, ZooError

OWN = {"timm": "resnet18"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo/b.yaml").write_text("third: {timm: resnet34}\n")
    (tmp_path / "zoo/a.yaml").write_text(
        "# two\nfirst: {timm: resnet50}\nsecond:\n  timm: resnet10t\n  opset: 17\n"
    )
    return tmp_path


def declared(folder: Path, patterns: object, **models: object) -> Zoo:
    return Zoo.of(with_files({"models": {**models, "from": patterns}}, folder)[0])


def test_models_of_files_are_those_of_the_zoo(folder: Path):
    zoo = declared(folder, "zoo/*.yaml", own=OWN)
    assert list(zoo.models) == ["own", "first", "second", "third"]
    assert zoo.models["second"].settings.opset == 17
    assert list(declared(folder, ["zoo/b.yaml", "zoo/*.yaml"]).models) == ["third", "first", "second"]
    assert list(declared(folder, f"{folder}/zoo/b.yaml").models) == ["third"]
    assert list(declared(folder, "**/[ab].yaml").models) == ["first", "second", "third"]


def test_the_configuration_of_a_folder_has_them_too(folder: Path):
    assert of_folder(folder) == {}
    (folder / "config.yaml").write_text("models: {from: zoo/b.yaml}\n")
    assert of_folder(folder) == {"models": {"third": {"timm": "resnet34"}}}


def test_a_configuration_without_files_is_as_it_was():
    config = {"models": {"own": OWN}}
    assert (
        with_files(config)[0] is config
        and with_files({}) == ({}, ())
        and with_files({"models": None}) == ({"models": None}, ())
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("first: [", r"no valid YAML: .* \(zoo/c.yaml, line 2, column 1\)"),
        (
            "first: {timm: a}\nfirst: {timm: b}\n",
            r"first stands there twice.* \(zoo/c.yaml, lines 1 and 2\)",
        ),
        (
            "\nthird: {timm: resnet18}\n",
            "models: third: is declared in zoo/b.yaml and here; leave it out of one of them "
            r"\(zoo/c.yaml, line 2, column 1\)",
        ),
        ("own: {timm: resnet18}\n", "models: own: is declared in config.yaml and here"),
        ("", "zoo/c.yaml: it declares no models; write a line for each"),
        ("- first\n", "zoo/c.yaml: it declares no models"),
        (
            "models: {first: {timm: a}}\n",
            r"models: models: names of models stand at its top.* \(zoo/c.yaml, line 1, column 1\)",
        ),
        ("from: d.yaml\n", r"models: from: it stands in config.yaml only \(zoo/c.yaml, line 1, column 1\)"),
    ],
)
def test_what_is_wrong_with_a_file_is_a_sentence_that_names_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
):
    monkeypatch.chdir(folder)
    (folder / "zoo/c.yaml").write_text(text)
    with pytest.raises(PlacedError, match=f"^{sentence}"):
        declared(folder, "zoo/*.yaml", own=OWN)


def test_the_files_tell_where_an_entry_stands(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    (folder / "config.yaml").write_text("models: {from: zoo/*.yaml}\n")
    files = read_folder()[1]
    assert located(files, ("models", "second", "opset")) == " (zoo/a.yaml, line 5, column 3)"
    assert located(files, ("models", "third")) == " (zoo/b.yaml, line 1, column 1)"
    assert located(files, ("models", "from")) == " (config.yaml, line 1, column 10)"


@pytest.mark.parametrize(
    ("patterns", "sentence"),
    [
        ("zoo/*.yml", "no file is called zoo/[*].yml, seen from "),
        (["zoo/a.yaml", "gone.yaml"], "no file is called gone.yaml"),
        (
            {"timm": "resnet18"},
            "it names files of models, .* {timm: resnet18} is neither, and no model can be called so",
        ),
        ("", "no file is called|is neither"),
        ([3], "is neither"),
    ],
)
def test_a_pattern_that_names_no_file_is_a_sentence(folder: Path, patterns: object, sentence: str):
    with pytest.raises(ZooError, match=f"^models: from: .*({sentence})"):
        declared(folder, patterns)


def test_a_pattern_that_names_no_file_is_told_with_its_line(tmp_path: Path):
    for said in ("gone.yaml", "{timm: resnet18}"):
        (tmp_path / "config.yaml").write_text(f"opset: 17\nmodels:\n  from: {said}\n")
        with pytest.raises(PlacedError, match=r"^models: from: .* \(config.yaml, line 3, column 3\)$"):
            read_folder(tmp_path)


def test_files_lie_over_the_configuration_as_snakemakes_do(tmp_path: Path):
    (tmp_path / "config.yaml").write_text("devices: [cpu]\nmodels:\n  one: {timm: resnet18, args: {a: 1}}\n")
    over, last = tmp_path / "mine.yaml", tmp_path / "last.yaml"
    over.write_text("devices: [gpu, cpu]\nmodels:\n  one: {args: {b: 2}}\n  two: {timm: resnet34}\n")
    last.write_text("models: {two: null}\n")
    expected: dict = yaml.safe_load((tmp_path / "config.yaml").read_text())
    for path in (over, last):
        update_config(expected, yaml.safe_load(path.read_text()))
    config, files = read_folder(tmp_path, [over, last])
    assert config == expected
    assert config["models"] == {"one": {"timm": "resnet18", "args": {"a": 1, "b": 2}}, "two": None}
    assert [file.path.name for file in files] == ["config.yaml", "mine.yaml", "last.yaml"]


def test_a_file_over_none_is_the_configuration_and_one_that_says_nothing_is_refused(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("models: {one: {timm: resnet18}}\n")
    assert of_folder(tmp_path, [tmp_path / "mine.yaml"]) == {"models": {"one": {"timm": "resnet18"}}}
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    with pytest.raises(ZooError, match="says nothing"):
        of_folder(tmp_path, [tmp_path / "empty.yaml"])
