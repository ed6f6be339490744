"""Which files are pictures, and what is left out."""

from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, features

from samples.pictures import noise
from zoo.images.kinds import HEAD_BYTES, RAW, SUFFIXES, LeftOut, is_hidden, is_picture, is_unfinished, suffix

BY_OTHERS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Formats that Pillow knows the names of and does not decode by itself."""


def test_the_suffixes_are_pillows() -> None:
    Image.init()
    own = {
        name for name, kind in Image.registered_extensions().items() if kind in set(Image.OPEN) - BY_OTHERS
    }
    assert own == SUFFIXES
    assert not SUFFIXES & RAW


WITH_SIGNATURE = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "QOI", "TIFF", "WEBP")


@pytest.mark.parametrize("kind", WITH_SIGNATURE)
def test_a_picture_is_known_by_how_it_begins(kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    written = BytesIO()
    noise().save(written, kind)
    assert is_picture(written.getvalue()[:HEAD_BYTES])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BM is no picture, and neither is this",
        b"P1 Heading",
        b"RIFF0000WAVEfmt ",
        b"....ftypheic",
        b"%PDF",
    ],
)
def test_other_files_do_not_begin_so(head: bytes) -> None:
    assert not is_picture(head[:HEAD_BYTES])


def test_what_other_programs_leave_behind_is_hidden() -> None:
    left = (".ipynb_checkpoints", "._x.jpg", "__MACOSX", "Thumbs.db", ".DS_Store", "Desktop.ini", "@eaDir")
    assert all(map(is_hidden, left))
    assert not any(map(is_hidden, ("x.jpg", "_x.jpg", "thumbs", "n01440764", "a.b", "#1.jpg")))


def test_what_is_unfinished_is_no_picture() -> None:
    assert all(map(is_unfinished, ("x.jpg~", "~$x.docx", "x.jpg.part", "x.JPG.crdownload")))
    assert not any(map(is_unfinished, ("x.jpg", "~x.jpg", "part", "x.parts")))


def test_a_suffix_is_what_follows_the_last_dot() -> None:
    assert [suffix(name) for name in ("a.JPE", "a.b.gif", "README")] == [".jpe", ".gif", ""]


def test_what_is_left_out_is_counted_by_kind_the_most_frequent_first() -> None:
    assert str(LeftOut(broken=1)) == "1 link that leads to nothing" and LeftOut(broken=1).surprises
    assert LeftOut(broken=2).to_dict() == {"broken links": 2}
    found = LeftOut(hidden=2)
    assert str(LeftOut()) == "" and LeftOut().to_dict() == {}
    for name in ("a.txt", "b.md", "c.TXT", "README"):
        found.other(Path(name))
    assert str(found) == "2 hidden files and folders, 2 .txt, 1 .md, 1 without a suffix"
    assert found.to_dict() == {"hidden": 2, ".txt": 2, ".md": 1, "without a suffix": 1}
    many = LeftOut(kinds=Counter({f".{number}": 20 - number for number in range(10)}))
    assert str(many).endswith("13 .7, 23 others")
