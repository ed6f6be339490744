"""The table of artifacts: what each is, and what a file's path says."""

from pathlib import Path

import pytest

from zoo.config.artifacts import ARTIFACTS, BY_NAME, PRECISIONS, locate, what_helps
from zoo.errors import ZooError


def test_every_artifact_is_told_by_its_files():
    files = [file for kind in ARTIFACTS.values() for file in kind.files]
    assert len(files) == len(set(files))
    assert all(name == kind.name and kind.precision in PRECISIONS for name, kind in ARTIFACTS.items())
    assert set(BY_NAME) < set(ARTIFACTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torchscript", ("fp32", "TorchScript", False)),
        ("fp32.onnx", ("fp32", "ONNX", False)),
        ("fp32", ("fp32", "ncnn", True)),
        ("w8", ("w8", "ncnn", True)),
        ("w4", ("w4", "ncnn", True)),
        ("int8_static.onnx", ("int8 static", "ONNX", False)),
        ("opset11.onnx", ("opset11", "ONNX", False)),
    ],
)
def test_people_call_an_artifact_by_variant_and_format(name: str, expected: tuple[str, str, bool]):
    kind = ARTIFACTS[name]
    assert (kind.variant, kind.format, kind.deployable) == expected


def test_what_rounds_has_something_that_helps():
    assert what_helps("fp32") == what_helps("opset11.onnx") == ""
    assert "onnx_int8: exclude" in what_helps("int8_static.onnx")
    assert all(what_helps(name) for name, kind in ARTIFACTS.items() if kind.precision != "fp32")


def test_a_path_in_a_zoo_tells_device_and_card(tmp_path: Path):
    folder = tmp_path / "results/cpu/mine"
    folder.mkdir(parents=True)
    for file in ARTIFACTS["int8"].files:
        (folder / file).touch()
    place = locate(folder / "int8.bin")
    assert (place.kind, place.device) == (ARTIFACTS["int8"], "cpu")
    assert place.files == (folder / "int8.param", folder / "int8.bin")
    assert place.card == tmp_path / "results/weights/mine.json"


def test_a_path_outside_of_a_zoo_tells_no_device(tmp_path: Path):
    (tmp_path / "fp32.onnx").touch()
    assert locate(tmp_path / "fp32.onnx").device is None


def test_a_missing_half_and_a_strange_file_are_refused(tmp_path: Path):
    (tmp_path / "int8.param").touch()
    with pytest.raises(ZooError, match=r"int8\.bin: there is no such file; build it"):
        locate(tmp_path / "int8.param")
    with pytest.raises(
        ZooError, match=r"no artifact has a file of this name; give one of best\.param, torch"
    ):
        locate(tmp_path / "mine.tflite")
    with pytest.raises(ZooError, match=r"no artifact has a file of this name; did you mean int8\.param\?$"):
        locate(tmp_path / "int8.parm")


def test_what_is_no_artifact_is_told_apart_from_what_is_not_there(tmp_path: Path):
    with pytest.raises(ZooError, match="is a folder; name the file of an artifact in it"):
        locate(tmp_path)
    with pytest.raises(ZooError, match=r"t\.onnx: there is no such file, and no artifact .*; give one of"):
        locate(tmp_path / "t.onnx")
    for name, kind in (("t.onnx", "ONNX file"), ("t.pth", "file of a model")):
        (tmp_path / name).touch()
        said = rf"{name}: no artifact has a file of this name: .*; for another {kind}: zoo init \S*{name}$"
        with pytest.raises(ZooError, match=said):
            locate(tmp_path / name)


def test_what_to_ship_is_built_where_nothing_was_chosen_yet(tmp_path: Path):
    said = r"^results/cpu/mine/best\.param: there is no such file; build it \(snakemake results/cpu/mine/best"
    with pytest.raises(ZooError, match=said):
        locate("results/cpu/mine/best.param")


def test_every_artifact_is_found_by_any_of_its_files(tmp_path: Path):
    folder = tmp_path / "results/gpu/mine"
    folder.mkdir(parents=True)
    for kind in ARTIFACTS.values():
        for file in kind.files:
            (folder / file).touch()
        for file in kind.files:
            place = locate(folder / file)
            assert (place.kind, place.device) == (kind, "gpu")
            assert place.files == tuple(folder / each for each in kind.files)
            assert place.card == tmp_path / "results/weights/mine.json"


def test_a_file_that_is_missing_or_no_artifacts_is_refused(tmp_path: Path):
    with pytest.raises(ZooError, match=r"int8\.param: there is no such file; build it"):
        locate(tmp_path / "int8.param")
    with pytest.raises(ZooError, match=r"mine\.tflite: there is no such file, and no artifact has a file"):
        locate(tmp_path / "mine.tflite")
    (tmp_path / "int8.param").touch()
    with pytest.raises(ZooError, match=r"int8\.bin: there is no such file"):
        locate(tmp_path / "int8.param")


def test_the_best_is_the_artifact_that_its_record_names(tmp_path):
    for name in ("int8.param", "int8.bin", "best.param", "best.bin"):
        (tmp_path / name).touch()
    (tmp_path / "best.json").write_text('{"artifact": "int8"}')
    assert [file.name for file in locate(tmp_path / "best.bin").files] == ["int8.param", "int8.bin"]
    for chosen in ('"best"', "null", '"fp32.onnx"', '"../int8"', "[]"):
        (tmp_path / "best.json").write_text(f'{{"artifact": {chosen}}}')
        with pytest.raises(ZooError, match=r"best\.json: .* is no artifact to ship; delete it"):
            locate(tmp_path / "best.param")
