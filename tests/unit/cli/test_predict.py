"""`zoo predict` and `python scripts/predict.py` are one; tests/unit/test_predict.py has the rest."""

from pathlib import Path

from samples.artifacts import make_tree, photos
from samples.command import call


def test_the_command_shows_a_table_an_image(tmp_path: Path):
    param, photo = make_tree(tmp_path), photos(tmp_path, 1)[0].path
    done = call("predict", param, photo, "--top", 1)
    assert done.exit_code == 0 and done.stdout.startswith(f"{photo}\n") and len(done.stdout.splitlines()) == 2


def test_a_file_of_another_origin_is_for_init(tmp_path: Path):
    (tmp_path / "t.onnx").touch()
    for command in ("predict", "compare"):
        done = call(command, tmp_path / "t.onnx", tmp_path / "t.onnx", "photo.png")
        assert done.exit_code == 1 and "the files of a zoo, by their names there" in done.stderr
        assert f"for another ONNX file: zoo init {tmp_path / 't.onnx'}" in done.stderr


def test_there_must_be_an_image():
    assert call("predict", "int8.param").exit_code == 2
