"""Which files of a folder are pictures, what other programs leave there, and what is left out.

Only names and first bytes are looked at, and only the standard library is imported: a build lists its image
sets each time it starts.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = frozenset(
    (
        *(".apng", ".avif", ".avifs", ".blp", ".bmp", ".bw", ".cur", ".dcx", ".dds", ".dib", ".fit"),
        *(".fits", ".flc", ".fli", ".ftc", ".ftu", ".gbr", ".gif", ".icb", ".icns", ".ico", ".iim"),
        *(".im", ".j2c", ".j2k", ".jfif", ".jp2", ".jpc", ".jpe", ".jpeg", ".jpf", ".jpg", ".jpx"),
        *(".msp", ".pbm", ".pcd", ".pcx", ".pfm", ".pgm", ".png", ".pnm", ".ppm", ".psd", ".pxr"),
        *(".qoi", ".ras", ".rgb", ".rgba", ".sgi", ".tga", ".tif", ".tiff", ".vda", ".vst", ".webp"),
        *(".xbm", ".xpm"),
    )
)
"""Of the formats that Pillow reads by itself. It also has names for some that another program must decode
(EPS by Ghostscript, WMF by Windows, BUFR, GRIB, HDF5 and MPEG by nothing at all): these are left out."""

RAW = frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".dcr", ".dng", ".erf", ".kdc", ".mef", ".mos", ".mrw"),
        *(".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    )
)
"""Of cameras' raw files. Many begin as TIFF does; Pillow would show the thumbnail, or nothing."""

_BEGINNINGS = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"8BPS\0\x01", b"qoif"),
)
_INSIDE = (
    re.compile(rb"RIFF....WEBP", re.DOTALL),
    re.compile(rb"....ftypavi[fs]", re.DOTALL),
    re.compile(rb"P[1-6]\s+(#|\d)"),
    # size, four bytes of zero, where the pixels are, and one of the headers' lengths
    re.compile(rb"BM....\0{4}....[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}", re.DOTALL),
)
NOTES = frozenset((".csv", ".htm", ".html", ".json", ".md", ".pdf", ".tsv", ".txt", ".xml", ".yaml", ".yml"))
"""Of what people write about images, which nobody takes for one."""

_COMMON = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
"""Whose files have a signature."""

_ENDS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND"}
"""How a format's files begin -> what stands at their end: JPEG's EOI, PNG's last chunk."""
_END_BYTES = 64

HEAD_BYTES = 32
"""How much of a file tells what it is."""

_LEFT_BEHIND = frozenset(
    (
        *("__macosx", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "@eadir"),
        *("@recycle", "#recycle", "#snapshot", "$recycle.bin", "lost+found", "__pycache__"),
    )
) | {"system volume information", "icon\r"}


_UNFINISHED = frozenset((".part", ".partial", ".crdownload", ".download", ".aria2", ".swp"))
"""Of downloads that did not end, and of files that are open in an editor."""

OF_BUILDS = ".snakemake_timestamp"
"""Hidden, and nobody's wonder: Snakemake leaves it in each folder that a rule makes."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder is one that a system or program keeps for itself: what starts with a dot, as
    `.ipynb_checkpoints`, `.DS_Store` and AppleDouble's `._photo.jpg`, and `__MACOSX`, `Thumbs.db`,
    `desktop.ini`, `@eaDir` and their like, in any case."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def is_unfinished(name: str) -> bool:
    """Whether a file is what an editor or a download leaves beside another: `photo.jpg~`, `~$letter.docx`,
    `photo.jpg.part`."""
    return name.startswith("~$") or name.endswith("~") or suffix(name) in _UNFINISHED


def suffix(name: str) -> str:
    """A file name's suffix in small letters, with its dot; nothing if it has none."""
    _, dot, last = name.rpartition(".")
    return (dot + last).lower() if dot else ""


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with these HEAD_BYTES is in a format with a signature that Pillow reads:
    JPEG, PNG, GIF, TIFF, JPEG 2000, PSD, QOI, WebP, AVIF, PNM or BMP."""
    return head.startswith(_BEGINNINGS) or any(each.match(head) for each in _INSIDE)


def seems_damaged(name: str, content: bytes) -> bool:
    """Whether a file of these bytes, called an image, is none or lacks its end, as far as that can be told
    without decoding it: a GIF, JPEG, PNG or WebP that was not written whole. Of a file for which this is true
    a decoder has the last word."""
    if suffix(name) in _COMMON and not is_picture(content[:HEAD_BYTES]):
        return True
    if content.startswith(b"RIFF"):
        return len(content) < 8 + int.from_bytes(content[4:8], "little")
    if content.startswith(b"GIF8"):
        return not content.rstrip(b"\0").endswith(b";")
    ends = [end for start, end in _ENDS.items() if content.startswith(start)]
    return any(end not in content[-_END_BYTES:] for end in ends)


@dataclass
class LeftOut:
    """What a folder or list holds beside the images that are taken.

    hidden: files and folders, see `is_hidden`; what is in such a folder is not counted. twice: images that
    are there under another name already. broken: links that lead to nothing. kinds: files that are no
    pictures, by suffix.
    """

    hidden: int = 0
    twice: int = 0
    broken: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    looked: int = 0
    """How many files of unknown suffix were looked into."""

    def other(self, file: Path) -> None:
        """Count a file that is no picture."""
        self.kinds[suffix(file.name) or "without a suffix"] += 1

    @property
    def surprises(self) -> bool:
        """Whether anything was left out that somebody might look for among the images."""
        return bool(self.hidden or self.twice or self.broken or set(self.kinds) - NOTES)

    def to_dict(self) -> dict[str, int]:
        """Numbers by kind, for a record; empty if nothing was left out."""
        named = {"hidden": self.hidden, "twice": self.twice, "broken links": self.broken}
        return {key: count for key, count in named.items() if count} | dict(self.kinds.most_common())

    def __str__(self) -> str:
        """In words; empty if nothing was left out."""
        hidden = "hidden file or folder" if self.hidden == 1 else "hidden files and folders"
        parts = [f"{self.hidden} {hidden}"] if self.hidden else []
        parts += [f"{self.twice} that are there twice"] if self.twice else []
        links = "link that leads" if self.broken == 1 else "links that lead"
        parts += [f"{self.broken} {links} to nothing"] if self.broken else []
        parts += [f"{count} {kind}" for kind, count in self.kinds.most_common(8)]
        if more := sum(count for _, count in self.kinds.most_common()[8:]):
            parts.append(f"{more} others")
        return ", ".join(parts)
