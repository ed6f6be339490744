"""Text files of the user's: lists and labels, as editors and shells of any system write them."""

import codecs
import json
import re
from contextlib import suppress
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.files import regular

_MARKS = {  # the longer ones first: UTF-32's begins as UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}


def read_lines(path: Path, what: str, errors: str = "strict") -> list[str]:
    """The lines of a text file, without their ends, whatever these are (LF, CRLF, CR).

    UTF-8, or what its byte order mark says: UTF-8, UTF-16 (as PowerShell's `>` writes it) or UTF-32.
    what: what messages call the file. errors: Python's name for what becomes of bytes that are no UTF-8.

    Raises ZooError, naming the encoding where it can be guessed, if the file cannot be read.
    """
    try:
        content = regular(path).read_bytes()
    except OSError as error:
        raise ZooError(f"{what} {path} cannot be read ({error}); name one that can") from error
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in content:
        raise ZooError(
            f"{what} {path} is no text in UTF-8: it holds zero bytes, as UTF-16 without a byte order mark "
            "does; save it as UTF-8"
        )
    try:
        text = content.decode(encoding, errors)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise ZooError(
                f"{what} {path} starts as {encoding.upper()} does and is not ({error.reason}); save it as "
                "UTF-8"
            ) from error
        raise not_utf8(path, content[: error.start].count(b"\n") + 1, content[error.start]) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_names(path: Path, what: str) -> list[str]:
    """The class names of a text file, one a line, without blanks around them and empty lines at the end.

    what: what messages call the file. Raises ZooError as `read_lines` does, and for JSON and tables.
    """
    names = [line.strip() for line in read_lines(path, what)]
    while names and not names[-1]:
        names.pop()
    give = "give a text file with one class name a line, in the order of the outputs"
    if names and names[0][:1] in ("{", "[") and names[-1][-1:] in ("}", "]"):
        with suppress(ValueError):
            json.loads("\n".join(names))
            raise ZooError(f"{what} {path} is JSON; {give}")
    numbered = [re.match(r"(\d+)\s*[,;:\t]", name) for name in names]
    if names and all(numbered) and len({found[1] for found in numbered if found}) == len(names) > 1:
        raise ZooError(f"{what} {path} is a table, whose lines are numbered as {names[0]!r} is; {give}")
    return names


def not_utf8(path: Path, line: int, byte: int) -> ZooError:
    """The error about a file that is in an encoding of one byte a letter."""
    return ZooError(
        f"{path}, line {line}: the byte 0x{byte:02x} is not UTF-8, so the file may be in Latin-1 or "
        "Windows-1252; save it as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8)"
    )
