"""config.yaml as it is written: what its reader would pass over in silence is refused, by its line."""

import math
import os
from datetime import date
from pathlib import Path

import pytest
import yaml

from zoo.config.reading.config_file import check_values, read, read_all, refuse_given, refuse_lost
from zoo.errors import ZooError

PROJECT = Path(__file__).resolve().parents[4]


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def bomb(levels: int) -> str:
    """Text of some lines that stands for 9 ** levels values."""
    lines = ["l0: &l0 [" + ", ".join("x" * 9) + "]"]
    for level in range(1, levels):
        lines.append(f"l{level}: &l{level} [" + ", ".join([f"*l{level - 1}"] * 9) + "]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", r"a stands there twice.*\(config.yaml, lines 1 and 3\)"),
        ("models: {one: {timm: x}, one: {timm: y}}", r"one stands there twice.*lines 1 and 1"),
        ("a:\n- b: 1\n  b: 1\n", "b stands there twice.*lines 2 and 3"),
        ("a: b: c\n", r"no valid YAML: mapping values .*\(config.yaml, line 1, column \d+\)"),
        (
            "a:\n\tb: 1\n",
            r"no valid YAML: a tab, where YAML takes spaces only \(config.yaml, line 2, column 1\)",
        ),
        ("a:\n  b: 1\n  \tc: 2\n", r"a tab, where YAML takes spaces only \(config.yaml, line 3, column 3\)"),
        ("a: 1\nb: [1\n", r"no valid YAML: .*\(config.yaml, line 3, column \d+\)"),
        ("a: 1\nb: *gone\n", r"no valid YAML: found undefined alias.*\(config.yaml, line 2, column \d+\)"),
        (
            "a: 1\nb: !!python/object/apply:os.getcwd []\n",
            r"the tag .*getcwd has no meaning here.*line 2, column \d+\)",
        ),
        ("a: &a {x: 1}\n*a : 2\n", r"a key is a list or a mapping.*\(config.yaml, line 1, column \d+\)"),
        ("a: 1\n? [b, c]\n: 2\n", r"a key is a list or a mapping.*\(config.yaml, line 2, column \d+\)"),
        ("a: 1\n<<: 2\n", r"<< takes a mapping.*\(config.yaml, line 2, column \d+\)"),
        ("a: !!map x\n", r"the tag .*map has no meaning here.*line 1, column \d+\)"),
        ("a: !!int [1]\n", r"the tag .*int has no meaning here.*line 1, column \d+\)"),
        (
            bomb(6),
            r"aliases written out there are more than 200000 values \(config.yaml, line 6, column \d+\)",
        ),
        (
            bomb(30),
            r"aliases written out there are more than 200000 values \(config.yaml, line 6, column \d+\)",
        ),
        (
            "a: &a [*a]\n",
            r"an alias stands for what it is itself a part of \(config.yaml, line 1, column \d+\)",
        ),
        ("a: 1\nb: " + "[" * 100_000, r"within more than 50 others \(config.yaml, line 2, column \d+\)"),
        ("a: 1\nb: " + "1" * 5000, r"'1{40}' cannot be read .*\(config.yaml, line 2, column \d+\)"),
        (
            "a: 2020-13-45\n",
            r"'2020-13-45' cannot be read \(month must .*\(config.yaml, line 1, column \d+\)",
        ),
    ],
)
def test_a_fault_is_a_sentence_with_its_place(tmp_path: Path, text: str, said: str):
    with pytest.raises(ZooError, match=said) as refused:
        read(written(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_anchors_of_a_sound_size_and_merges_are_admitted(tmp_path: Path):
    read(written(tmp_path, "a: &a {x: 1}\nb: {<<: *a, x: 2}\nc: [*a, *a]\n"))
    read(written(tmp_path, bomb(4)))
    read(written(tmp_path, ""))
    read(PROJECT / "config.yaml")


def test_what_is_no_text_file_is_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    for name in ("fifo", "zero", "folder", "none"):
        with pytest.raises(ZooError, match="missing or no regular file"):
            read(tmp_path / name)
    (tmp_path / "latin").write_bytes(b"a: \xe4\n")
    with pytest.raises(ZooError, match=r"not UTF-8 text \(byte 0xe4, line 1, column 4\); save it as UTF-8$"):
        read(tmp_path / "latin")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        (tmp_path / "wide").write_text("a: 1\n", encoding)
        with pytest.raises(ZooError, match=r"not UTF-8 text \(it looks like UTF-16\); save it as UTF-8$"):
            read(tmp_path / "wide")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ZooError, match="is no configuration"):
        read(tmp_path / "large")


@pytest.mark.parametrize(
    ("text", "said"), [("# mine\n", "says nothing"), ("- a\n", "has no keys at its top")]
)
def test_a_configuration_without_keys_is_a_sentence_with_what_to_write(tmp_path: Path, text: str, said: str):
    with pytest.raises(ZooError, match=rf"config.yaml {said}; declare a model: models: \{{mine: \{{timm: "):
        read_all([written(tmp_path, text)])


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"models": {1: {}}}, "models: the key 1 is no text; put it in quotes"),
        ({"gates": {"int8": {"min_cosine": 0, 5: None}}}, "the key 5 is no .* end of a number with a comma"),
        ({"models": {True: {}}}, "models: the key true is read as true by YAML; put it in quotes$"),
        ({"models": {None: {}}}, "models: the key null is read as null by YAML; put it in quotes$"),
        ({"models": {date(2024, 1, 1): {}}}, "models: the key 2024-01-01 is read as a date by YAML; put it"),
        ({"models": {b"a": {}}}, "models: the key !!binary is read as bytes by YAML; put it in quotes$"),
        ({"args": {"born": date(2024, 1, 1)}}, "born: 2024-01-01 is read as a date by YAML; put it in quot"),
        ({"sha256": int("1" * 64)}, "sha256: the number is too large.* if it is text, .* put it in quotes$"),
        ({"models": {"one\n": {}}}, r"models: the key 'one\\n' holds line breaks"),
        ({"models": {" one": {}}}, "models: the key ' one' holds"),
        ({"image_sets": {"a\u202eb": {}}}, r"image_sets: the key 'a\\u202eb' holds"),
        (
            {"gates": {"int8": {"min_cosine": math.nan}}},
            "gates: int8: min_cosine: nan is not a finite number",
        ),
        ({"gates": {"int8": {"min_sqnr_db": -math.inf}}}, "min_sqnr_db: -inf is not a finite number"),
        ({"a": [{"mean": [0.5, math.inf]}]}, "a: 0: mean: 1: inf is not a finite number"),
        ({"seed": 10**30}, "seed: the number is too large"),
        ({"path": "a\0b"}, r"path: 'a\\x00b' holds signs"),
        ({"path": "a\ud800"}, r"path: 'a\\ud800' holds signs"),
    ],
)
def test_what_a_schema_lets_pass_is_refused(config: dict, said: str):
    with pytest.raises(ZooError, match=said):
        check_values(config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models:\n  one: {}\n  no: {}\n", "models: the key no is .* false by .*line 3, column 3"),
        ("models: {Off: {}}\n", "models: the key Off is read as false by .*line 1, column 10"),
        ("a: 1\non: {}\n", r"^the key on is read as true by YAML; .* \(config.yaml, line 2, column 1\)$"),
        ("a: 1\n~: {}\n", "^the key ~ is read as null by .*line 2, column 1"),
        ("a: 1\n? \n: {}\n", r"^the key \(an empty one\) is read as null by .*line 2, column"),
        ("a: {2024-01-01: {}}\n", "a: the key 2024-01-01 is read as a date by .*line 1, column 5"),
        ("a: {0x10: {}}\n", "a: the key 0x10 is no text; put it in quotes.*line 1, column 5"),
        ("a: {1.50: {}}\n", "a: the key 1.50 is no text; put it in quotes.*line 1, column 5"),
    ],
)
def test_a_key_that_is_no_text_is_told_as_it_was_typed_and_where(tmp_path: Path, text: str, said: str):
    file = read(written(tmp_path, text))
    with pytest.raises(ZooError, match=said):
        check_values(yaml.safe_load(text), [file])


def test_what_a_zoo_may_say_passes(tmp_path: Path):
    check_values({"a": [1, 0.5, None, True, "ä b\n", {"x": -1}], "b": {}})
    check_values(yaml.safe_load((PROJECT / "config.yaml").read_text()))


def test_a_file_that_is_given_and_refused_ends_the_process_with_a_sentence(tmp_path: Path):
    refuse_given([written(tmp_path, "a: 1\n")])
    with pytest.raises(SystemExit, match=r"^error: a stands there twice.* \(config.yaml, lines"):
        refuse_given([written(tmp_path, "a: 1\na: 2\n")])
    with pytest.raises(SystemExit, match=r"^error: gone\.yaml is missing or no regular file$"):
        refuse_given(["gone.yaml"])


@pytest.mark.parametrize("setting", ["models", "results/cpu/one/int8.param", "=3", "1a=2", "all"])
def test_a_setting_without_a_value_ends_the_process_with_a_sentence(setting):
    refuse_given([], ["opset=17", "devices=[cpu]", "image_sets={}", "baseline="])
    with pytest.raises(SystemExit, match=rf"^error: --config {setting}: it takes KEY=VALUE, and every word"):
        refuse_given([], ["opset=17", setting])


def test_files_of_which_the_first_would_be_lost_are_refused():
    refuse_lost(["one", "--configfile", "a.yaml", "b.yaml", "--config", "opset=17"])
    with pytest.raises(
        ZooError, match=r"^--configfile stands there twice, and only the last would count; name"
    ):
        refuse_lost(["--configfile", "a.yaml", "--configfile=b.yaml"])
