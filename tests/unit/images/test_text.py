"""Text files in the encodings and with the line ends that people bring."""

from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.images.text import read_lines, read_names


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=repr)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_lines_are_read_whatever_wrote_them(tmp_path: Path, encoding: str, ends: str) -> None:
    (tmp_path / "list").write_bytes(ends.join(["größe.jpg\t1", "", "b"]).encode(encoding))
    assert read_lines(tmp_path / "list", "the list") == ["größe.jpg\t1", "", "b"]


def test_both_orders_of_utf_16_are_read(tmp_path: Path) -> None:
    for order in ("le", "be"):
        (tmp_path / "list").write_bytes("\ufeffü\nb".encode(f"utf-16-{order}"))
        assert read_lines(tmp_path / "list", "the list") == ["ü", "b"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "a\nü".encode("latin-1"),
            r"list, line 2: the byte 0xfc is not UTF-8, so .* Latin-1 or Windows-1252",
        ),
        ("ab".encode("utf-16-le"), "holds zero bytes, as UTF-16 without a byte order mark does"),
        ("ab".encode("utf-16")[:-1], "starts as UTF-16 does and is not"),
        (None, "the labels .*list cannot be read .*name one that can"),
    ],
)
def test_another_encoding_is_refused_by_name(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "list").write_bytes(content)
    with pytest.raises(ZooError, match=said):
        read_lines(tmp_path / "list", "the labels")


def test_names_stand_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "labels").write_text(" ant\n\nbig bee \n1, 2 or 3\n[a]\n\n\n")
    assert read_names(tmp_path / "labels", "the file") == ["ant", "", "big bee", "1, 2 or 3", "[a]"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"0": ["n1", "ant"], "1": ["n2", "bee"]}', "is JSON; give a text file with one class name a line"),
        ('[\n"ant",\n"bee"\n]\n', "is JSON"),
        ("0,ant\n1,bee\n", "is a table, whose lines are numbered as '0,ant' is"),
        ("1\tant\n2\tbee\n", "is a table"),
    ],
)
def test_names_in_another_format_are_refused_as_what_they_are(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "labels").write_text(text)
    with pytest.raises(ZooError, match=said):
        read_names(tmp_path / "labels", "the file")
