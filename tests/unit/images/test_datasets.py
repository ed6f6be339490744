from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from zoo.errors import ZooError
from zoo.images.datasets import DATASETS, write_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("datasets") / "digits"
    write_dataset("digits", path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_digit_is_written_once_under_its_class(folder):
    digits = load_digits()
    files = {int(path.stem): path for path in folder.rglob("*.png")}
    assert sorted(files) == list(range(len(digits.target))) and len(contents(folder)) == len(files)
    for index, path in files.items():
        assert path.parent.name == str(digits.target[index])
        with Image.open(path) as image:
            assert image.mode == "L" and image.size == (8, 8)
            assert np.abs(np.asarray(image) / 255 - digits.images[index] / 16).max() <= 0.5 / 255 + 1e-9


def test_a_fifth_of_each_class_is_held_out(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["test", "train"]
    for name in DATASETS["digits"].classes:
        test, train = (len(list((folder / split / name).iterdir())) for split in ("test", "train"))
        assert test == round((test + train) / 5)


def test_the_split_is_a_draw_and_not_the_order_of_the_files(folder):
    indices = [int(path.stem) for path in folder.glob("test/*/*.png")]
    assert 0.4 < np.mean(indices) / 1797 < 0.6 and np.std(indices) / 1797 > 0.25


def test_no_image_is_in_both_splits(folder):
    train, test = (
        {path.read_bytes() for path in folder.glob(f"{split}/*/*.png")} for split in ("train", "test")
    )
    assert not train & test


def test_writing_again_gives_the_same_bytes_and_leaves_nothing_else(folder, tmp_path):
    target = tmp_path / "deep" / "digits"
    target.mkdir(parents=True)
    (target / "old.png").write_bytes(b"from before")
    write_dataset("digits", target)
    assert contents(target) == contents(folder)
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_what_was_there(folder, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("disk trouble")

    target = tmp_path / "digits"
    target.mkdir()
    (target / "old.png").write_bytes(b"from before")
    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk trouble"):
        write_dataset("digits", target)
    assert contents(tmp_path) == {"digits/old.png": b"from before"}


def test_an_unknown_data_set_is_named(tmp_path):
    with pytest.raises(ZooError, match="no data set is called letters; there are: digits"):
        write_dataset("letters", tmp_path / "letters")
