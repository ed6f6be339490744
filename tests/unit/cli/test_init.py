"""`zoo init`: config.yaml is written, or the model is added to it."""

import json
from pathlib import Path

import pytest
import yaml

from samples.command import call
from samples.pictures import fill
from zoo.cli.workflow import declared
from zoo.config.image_choice import images_for


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def models() -> dict[str, object]:
    return yaml.safe_load(Path("config.yaml").read_text())["models"]


def test_a_zoo_is_written_that_the_workflow_takes_and_a_second_model_is_added():
    done = call("init", "convnext_atto")
    assert done.exit_code == 0, done.stderr
    assert "config.yaml has it now: convnext_atto: {timm: convnext_atto.d2_in1k}" in done.stdout
    assert done.stdout.endswith("Next: zoo build convnext_atto\n")
    call("init", "torchvision:resnet18", "--name", "second")
    assert models() == {
        "second": {"torchvision": "resnet18"},
        "convnext_atto": {"timm": "convnext_atto.d2_in1k"},
    }
    assert list(declared().models) == ["second", "convnext_atto"]


def test_what_stands_in_a_configuration_stays_comments_included():
    text = "# mine\nopset: 17\n\nmodels:\n    # first\n    one: {timm: resnet18}\n\nstreams: 2\n"
    Path("config.yaml").write_text(text)
    call("init", "resnet34")
    added = text.replace("models:\n", "models:\n    resnet34: {timm: resnet34.a1_in1k}\n")
    assert Path("config.yaml").read_text() == added


def test_photographs_in_class_folders_calibrate_and_judge():
    fill(Path("plants"), *(f"{name}/{index}.png" for name in ("fern", "moss") for index in range(5)))
    told = json.loads(call("init", "resnet18", "--images", "plants", "--json").stdout)
    assert told["entry"]["calibration"] == {"set": "resnet18_train", "images": 8}
    assert told["found"][-1] == "8 images of plants are for calibration, 2 judge"
    zoo = declared()
    assert zoo.image_sets["resnet18_test"] == {"path": "plants", "split": "test", "labels": True}
    assert "natural" in zoo.image_sets and models() == {told["name"]: told["entry"]}
    assert images_for(zoo, "resnet18", "verification").images.path == Path("plants")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["resnet_18"],
            "resnet_18 is no model of config.yaml, no file and no architecture of a library; did you mean",
        ),
        (["resnet18", "--name", "all"], "a model cannot be called all"),
        (["resnet18", "--name", "two words"], "two words"),
        (["resnet18", "--images", "nowhere"], "nowhere: there is no such folder"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_nothing_is_written(arguments: list[str], sentence: str):
    done = call("init", *arguments)
    assert done.exit_code == 1 and sentence in done.stderr and not Path("config.yaml").exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("e.onnx", b"", "e.onnx is no ONNX file, or damaged or cut short"),
        ("e.onnx", b"hi", "e.onnx is no ONNX file"),
        ("t.pth", b"hi", "t.pth is no file of weights: it does not begin as those of torch.save do"),
        ("t.safetensors", b"hello world", "no file of weights: it does not begin as those of safetensors do"),
        ("t.torchscript", b"hi", "t.torchscript is no TorchScript file"),
        ("x.txt", b"hi", "x.txt is not a kind of file that is known here; name one of .onnx, .torchscript, "),
    ],
)
def test_a_file_that_holds_no_model_is_a_sentence_and_the_configuration_stays(
    name: str, content: bytes, sentence: str
):
    text = "models:\n  one: {timm: resnet18}\n"
    Path("config.yaml").write_text(text)
    Path(name).write_bytes(content)
    done = call("init", name)
    assert done.exit_code == 1 and sentence in done.stderr, done.stderr
    assert Path("config.yaml").read_text() == text


@pytest.mark.parametrize("name", ["folder", "folder.onnx", "folder.pth"])
def test_a_folder_is_called_one(name: str):
    Path(name).mkdir()
    done = call("init", name)
    assert done.exit_code == 1 and f"{name} is a folder" in done.stderr


def test_an_empty_name_is_wrong_usage():
    for arguments in (["init", ""], ["init", "resnet18", "--name", ""], ["publish", "", "--to", "a/b"]):
        done = call(*arguments)
        assert done.exit_code == 2 and "an argument is empty: zoo" in done.stderr


def test_a_model_is_not_declared_twice_and_a_strange_configuration_is_left_alone():
    call("init", "resnet18")
    assert "config.yaml has a model resnet18 already" in call("init", "resnet18").stderr
    Path("config.yaml").write_text("models: {one: {timm: resnet18}}\n")
    done = call("init", "resnet34")
    assert done.exit_code == 1 and "write it there: resnet34: {timm: resnet34.a1_in1k}" in done.stderr
