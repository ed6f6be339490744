"""What the jobs of a plan are bound to fail for is told before the first of them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.config import mistakes
from zoo.config.mistakes import Mistakes, PlannedJob
from zoo.config.outputs.devices import agent
from zoo.config.reading.config_file import read_all
from zoo.config.zoo import Zoo
from zoo.errors import ZooError
from zoo.images.planned import FAULT

TEXT = """\
targets:
  z: {emulate: cortex-z99}
image_sets:
  photos: {path: gone}
defaults:
  calibration: {set: photos}
  evaluation: {path: other/folder}
models:
  one:
    timm: convnext_ato
    labels: few.txt
  two: {torchvision: resnet18, weights: {file: wights/two.pth}}
  three: {onnx: three.onnx, calibration: {path: mine/own}}
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch):
    """A function: jobs, and what is told of them."""
    import yaml

    monkeypatch.chdir(tmp_path)

    def over(text: str) -> Callable[..., Mistakes]:
        Path("config.yaml").write_text(text)
        zoo, files = Zoo.of(yaml.safe_load(text)), read_all([Path("config.yaml")])
        return lambda *jobs: mistakes.of_plan(
            jobs, zoo, files, lambda cpu, architecture: f"there is no {cpu}"
        )

    of = over(TEXT)
    of.agent, of.over = agent(Zoo.of(yaml.safe_load(TEXT)), "z"), over
    return of


def weights(model: str) -> PlannedJob:
    return PlannedJob({"model": model}, {"source": [None]}, outputs=[f"results/weights/{model}.json"])


def test_what_an_entry_names_and_is_not_there_is_told_with_its_place(told):
    Path("three.onnx").mkdir()
    Path("wights").mkdir()
    Path("wights/tow.pth").touch()
    assert told(weights("one"), weights("two"), weights("three"), weights("one")) == Mistakes(
        (
            "models: one: there is no file few.txt; mend the entry (config.yaml, line 11, column 5)",
            "models: one: timm has no model convnext_ato; did you mean convnext_atto? "
            "(config.yaml, line 10, column 5)",
            "models: two: there is no file wights/two.pth; did you mean tow.pth? "
            "(config.yaml, line 12, column 42)",
            "models: three: three.onnx is a folder, and a file belongs there "
            "(config.yaml, line 13, column 11)",
        ),
        hopeless=True,
    )


def test_a_recipe_for_int8_that_is_not_there_is_told_where_it_is_named(told):
    def candidates(model: str) -> PlannedJob:
        return PlannedJob({"model": model}, {"pinned_state": None})

    text = "int8: {recipe: zoo.json}\nmodels:\n  one: {timm: x, int8: {recipe: my.table}}\n  two: {timm: x}\n"
    place = ("config.yaml, line 3, column 25", "config.yaml, line 1, column 8")
    assert told.over(text)(candidates("one"), candidates("two")).sentences == (
        f"models: one: int8: recipe: there is no file my.table; mend the entry ({place[0]})",
        f"int8: recipe: there is no file zoo.json; mend the entry ({place[1]})",
    )
    made = PlannedJob({}, {}, outputs=["my.table"])
    assert told.over(text)(candidates("one"), made) == Mistakes()
    Path("my.table").write_text("a 1")
    assert told.over(text)(candidates("one")) == Mistakes()


def test_labels_without_a_name_and_an_optimizer_that_timm_does_not_have_are_told(told):
    Path("names.txt").write_text("\n \n")
    text = (
        "models:\n  one:\n    timm: resnet18\n    labels: names.txt\n"
        "    weights: {train: {images: digits, optimizer: adamx}}\n"
    )
    assert told.over(text)(weights("one")).sentences == (
        "models: one: labels: names.txt has no class name; write one a line (config.yaml, line 4, column 5)",
        "models: one: weights: train: optimizer: timm has no optimizer adamx; did you mean adamax? "
        "(config.yaml, line 5, column 39)",
    )
    for name in ("adamw", "lookahead_Adam"):
        assert len(told.over(text.replace("adamx", name))(weights("one")).sentences) == 1


def test_a_model_that_no_job_reads_the_entry_of_is_not_looked_at(told):
    assert told(PlannedJob({"model": "one", "device": "cpu"}, {"code": "x"})) == Mistakes()
    assert told(PlannedJob({}, {"source": [None]})) == Mistakes()


def test_what_another_job_makes_is_no_mistake(told):
    made = PlannedJob({}, {}, outputs=["wights"])
    assert told(weights("two"), made) == Mistakes()
    assert told(weights("two"), PlannedJob({}, {}, outputs=["wights/two.pth"])) == Mistakes()


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        ("image set photos: gone has no image", "line 4, column 12"),
        ("image set other/folder: it is empty", "line 7, column 16"),
        ("image set mine/own: it is empty", "line 13, column 43"),
        ("image set of a training: it is empty", "line 13, column 3"),
    ],
)
def test_what_is_wrong_with_images_is_told_with_the_place_of_their_set(told, fault: str, place: str):
    for state in (FAULT + fault, ["abc", FAULT + fault]):
        job = PlannedJob({"model": "three"}, {"images_state": state, "number": 3})
        assert told(job, weights("two")).sentences[0] == f"{fault} (config.yaml, {place})"


def test_a_processor_is_asked_for_where_an_artifact_runs_on_it(told):
    proof = PlannedJob({"model": "three", "device": "z"}, {}, inputs=told.agent)
    said = "targets: z: there is no cortex-z99 (config.yaml, line 2, column 7)"
    assert told(proof) == Mistakes((said,), hopeless=True)
    assert told(PlannedJob({"model": "three", "target": "z"}, {}, inputs=["results/x"])) == Mistakes()
    assert told(PlannedJob({"model": "three", "device": "cpu"}, {}, inputs=told.agent)) == Mistakes()


def test_a_plan_with_a_model_without_a_mistake_is_not_hopeless(told):
    healthy = PlannedJob({"model": "three"}, {"code": "x"})
    assert told(weights("one"), healthy).sentences and not told(weights("one"), healthy).hopeless
    assert told(weights("one"), PlannedJob({"model": "one"}, {}), PlannedJob({}, {})).hopeless


def test_no_more_than_three_lines_are_told():
    Mistakes().refuse()
    with pytest.raises(ZooError, match=r"^a\nb\nc$"):
        Mistakes(("a", "b", "c")).refuse()
    with pytest.raises(ZooError, match=r"^a\nb\nand 3 other mistakes$"):
        Mistakes(("a", "b", "c", "d", "e")).refuse()


def test_each_parameter_of_a_rule_that_tells_of_images_is_looked_at():
    rules = "\n".join(file.read_text() for file in sorted(Path(__file__).parents[3].glob("rules/*.smk")))
    states = "images_state_of|changes[.]images_state|changes[.]training_state"
    telling = rf"(\w+)=[\w(]*?(?:lambda wc: \[?\s*)?(?:{states})"
    found = re.findall(telling, rules)
    assert len(found) > 15 and set(found) <= mistakes.STATES
    assert rules.count("images_state_of(") - 1 <= len(found)


def test_of_parameters_only_those_are_worked_out_whose_values_matter():
    def never(wildcards):
        raise AssertionError(wildcards)

    declared = {"images_state": lambda wildcards: f"state of {wildcards}", "source": never, "code": never}
    assert mistakes.looked_at(declared, "m") == {"images_state": "state of m", "source": None}
    assert mistakes.looked_at({"images_states": ["a", "b"]}, "m") == {"images_states": ["a", "b"]}
    assert mistakes.looked_at({"code": never}, "m") == {}
