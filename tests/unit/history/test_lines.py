"""The history's file: appended to whole, once, by several builds at once, and read after a kill."""

import errno
import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest

from samples.history import changed, figures
from zoo.errors import ZooError
from zoo.history import lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "results/history.jsonl"


def later(line, **versions):
    return replace(line, time="2026-12-01T00:00:00Z", commit="f" * 12, versions={**line.versions, **versions})


def test_what_is_appended_is_read_in_its_order(file: Path):
    assert lines.read(file) == ([], [])
    first, second = figures(), figures("fp16")
    assert lines.append(file, [first, second]) == ([first, second], [])
    worse = changed(first, sqnr_db=20.0)
    assert lines.append(file, [worse]) == ([worse], [])
    assert lines.read(file) == ([first, second, worse], [])


def test_the_same_figures_of_the_same_bytes_on_the_same_machine_are_one_line(file: Path):
    line = figures()
    lines.append(file, [line])
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert lines.append(file, [later(line, ncnn="2")]) == ([], [])
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    others = [
        later(changed(line, sqnr_db=30.0)),
        later(replace(line, sha256={"int8.bin": "1" * 64})),
        later(replace(line, machine=replace(line.machine, host="other"))),
        later(replace(line, passed=False, failures=("why",))),
    ]
    for other in others:
        assert lines.append(file, [other])[0] == [other]
    assert lines.append(file, [later(line)])[0] == [later(line)], "as before: it has changed, and back again"


@pytest.mark.parametrize("cut", [1, 40, -2])
def test_a_torn_last_line_is_dropped_with_a_sentence_and_the_next_build_goes_on(file: Path, cut: int):
    first, second = figures(), figures("fp16")
    lines.append(file, [first])
    whole = file.read_bytes()
    file.write_bytes(whole + lines.line(second).encode()[:cut])
    found, sentences = lines.read(file)
    assert found == [first]
    assert sentences == [f"{file}: the last line is torn, by a kill or a full disk, and is dropped"]
    appended, said = lines.append(file, [second])
    assert (appended, said) == ([second], sentences)
    assert file.read_bytes() == whole + lines.line(second).encode()


def test_a_last_line_without_its_end_is_whole(file: Path):
    first, second = figures(), figures("fp16")
    lines.append(file, [first])
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    assert lines.read(file) == ([first], [])
    lines.append(file, [second])
    assert lines.read(file) == ([first, second], [])


@pytest.mark.parametrize("damage", [b"<<<<<<< ours", b'{"version": 9}', b"[" * 10_000, b"\xff\xfe", b"[]"])
def test_a_damaged_line_is_left_out_by_its_number_and_stays(file: Path, damage: bytes):
    first, second = figures(), figures("fp16")
    lines.append(file, [first])
    file.write_bytes(file.read_bytes() + damage + b"\n\n")
    appended, sentences = lines.append(file, [second])
    assert appended == [second] and len(sentences) == 1
    assert sentences[0].startswith(f"{file}: line 2 is damaged, or of another version")
    assert damage in file.read_bytes() and lines.read(file)[0] == [first, second]


def append_many(file: Path, host: str) -> None:
    for index in range(20):
        line = figures()
        machine = replace(line.machine, host=host)
        lines.append(file, [replace(changed(line, sqnr_db=float(index)), machine=machine)])


@pytest.mark.parametrize(
    ("sound", "hostile"),
    [
        ('"cpu/net/int8": {"sqnr_db"', '"cpu/net/fp16": {"sqnr_db"'),
        ('"bytes": {"value": ', '"bytes": {"value": 1e999'),
    ],
)
def test_a_line_without_figures_of_its_artifact_and_one_whose_figures_are_none_are_damaged(
    file: Path, sound: str, hostile: str
):
    file.parent.mkdir()
    text = lines.line(figures())
    assert sound in text
    file.write_text(text.replace(sound, hostile))
    assert lines.read(file) == (
        [],
        [f"{file}: line 1 is damaged, or of another version of ncnn-zoo, and is left out"],
    )


def test_builds_that_append_at_once_lose_and_tear_nothing(file: Path):
    context = multiprocessing.get_context("fork")
    builds = [context.Process(target=append_many, args=(file, host)) for host in ("a", "b", "c")]
    for build in builds:
        build.start()
    for build in builds:
        build.join()
    found, sentences = lines.read(file)
    assert sentences == [] and len(found) == 60
    for host in ("a", "b", "c"):
        assert [each.value("sqnr_db") for each in found if each.machine.host == host] == list(range(20))


def test_a_full_disk_is_a_sentence_and_leaves_no_half_line(file: Path, monkeypatch: pytest.MonkeyPatch):
    lines.append(file, [figures()])
    before, write = file.read_bytes(), os.write
    left = [100]

    def filling(handle: int, content: bytes) -> int:
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, content[: left.pop()])

    monkeypatch.setattr(lines.os, "write", filling)
    with pytest.raises(ZooError, match="no space left on the disk"):
        lines.append(file, [figures("fp16")])
    assert file.read_bytes() == before


def test_a_pipe_in_its_place_is_refused(file: Path):
    file.parent.mkdir()
    os.mkfifo(file)
    for action in (lambda: lines.read(file), lambda: lines.append(file, [figures()])):
        with pytest.raises(ZooError, match="a pipe, no regular file"):
            action()


def test_each_line_is_json(file: Path):
    lines.append(file, [figures(), figures("fp16")])
    assert [json.loads(text)["artifact"] for text in file.read_text().splitlines()] == ["int8", "fp16"]


def test_several_damaged_lines_are_told_at_once(file: Path):
    file.parent.mkdir()
    file.write_text(f"{{}}\n{lines.line(figures())}[]\n")
    known, (sentence,) = lines.read(file)
    assert known == [figures()]
    assert sentence.endswith("lines 1, 3 are damaged, or of another version of ncnn-zoo, and are left out")
