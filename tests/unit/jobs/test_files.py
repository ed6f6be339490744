"""Files appear whole, together, or not at all."""

import errno
import hashlib
import os
import signal
import subprocess
import sys

import pytest

from zoo.errors import ZooError
from zoo.jobs.files import is_full_disk, regular, replacing, sha256
from zoo.jobs.scratch import sweep


def test_files_appear_together_when_the_block_ends(tmp_path):
    pair = tmp_path / "new" / "a.param", tmp_path / "other" / "deep" / "a.bin"
    with replacing(*pair) as (param, weights):
        param.write_text("text")
        weights.write_bytes(b"bytes")
        assert [path.name for path in (param, weights)] == ["a.param", "a.bin"]
        assert not pair[0].exists() and not pair[1].exists()
    assert pair[0].read_text() == "text" and pair[1].read_bytes() == b"bytes"
    assert not list(tmp_path.rglob(".partial-*"))


def test_nothing_changes_when_the_block_raises(tmp_path):
    pair = tmp_path / "a.param", tmp_path / "a.bin"
    for path in pair:
        path.write_text("before")
    with pytest.raises(KeyError), replacing(*pair) as (param, weights):
        param.write_text("after")
        weights.write_text("after")
        raise KeyError
    assert [path.read_text() for path in pair] == ["before", "before"]
    assert sorted(tmp_path.iterdir()) == sorted(pair)


def test_a_pair_of_which_one_is_missing_changes_nothing(tmp_path):
    pair = tmp_path / "a.param", tmp_path / "a.bin"
    pair[0].write_text("before")
    with pytest.raises(ZooError, match=r"a\.bin: nothing was written"), replacing(*pair) as (param, _):
        param.write_text("after")
    assert pair[0].read_text() == "before"
    assert list(tmp_path.iterdir()) == [pair[0]]


KILLED = """
import os, pathlib, signal, sys
from zoo.jobs.files import replacing

*targets, left = sys.argv[1:]
calls = 0

def dying(function):
    def called(*arguments, **keywords):
        global calls
        if calls == int(left):
            os.kill(os.getpid(), signal.SIGKILL)
        calls += 1
        return function(*arguments, **keywords)
    return called

with replacing(*targets) as temporaries:
    for temporary in temporaries:
        temporary.write_text("new")
    pathlib.Path.replace, pathlib.Path.unlink = dying(pathlib.Path.replace), dying(pathlib.Path.unlink)
    os.fsync = dying(os.fsync)
pathlib.Path(targets[0]).with_name("ended").touch()
"""


@pytest.mark.parametrize("names", [["a.param", "a.bin"], ["a.param", "a.bin", "a.json"], ["a.npz"]])
def test_a_kill_at_any_moment_leaves_a_whole_set_or_none_of_its_first_and_nothing_else(names, tmp_path):
    """The first is absent, or all are of one write; the folder of the killed goes with the next sweep."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    targets = [tmp_path / name for name in names]
    for moment in range(20):
        for target in targets:
            target.write_text("old")
        command = [sys.executable, "-c", KILLED, *map(str, targets), str(moment)]
        ended = subprocess.run(command, env=environment).returncode
        assert ended in (0, -signal.SIGKILL)
        if targets[0].exists():
            assert {target.read_text() for target in targets} in ({"old"}, {"new"})
        assert len(sweep(tmp_path)) == (ended != 0)
        assert set(tmp_path.iterdir()) <= {*targets, tmp_path / "ended"}
        if ended == 0:
            break
    assert (tmp_path / "ended").exists() and moment == (3 if len(names) == 1 else 4 + 2 * len(names))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("when", ["in the block", "when flushed"])
def test_a_full_disk_is_one_sentence_and_changes_nothing(number, when, tmp_path, monkeypatch):
    target = tmp_path / "a.bin"
    target.write_text("before")

    def full(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ZooError, match=r"a\.bin: no space left on the disk"), replacing(target) as (path,):
        path.write_text("after")
        if when == "in the block":
            full()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_other_errors_of_the_system_pass_through(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.bin"):
        (tmp_path / "absent").read_bytes()


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640)])
def test_the_file_mode_is_that_of_any_new_file(umask, mode, tmp_path):
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "a.bin") as (path,):
            path.write_text("text")
    finally:
        os.umask(before)
    assert (tmp_path / "a.bin").stat().st_mode & 0o777 == mode


def test_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_only_what_is_a_file_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("file", "link", "none"):
        assert regular(tmp_path / name) == tmp_path / name
    for name, kind in (("pipe", "a pipe"), ("zero", "a device"), (".", "a folder")):
        with pytest.raises(ZooError, match=f"is {kind}, no regular file"):
            regular(tmp_path / name)


def test_a_full_disk_is_told_from_what_libraries_raise():
    def raised_from(cause):
        try:
            raise RuntimeError("export failed") from cause
        except RuntimeError as error:
            return error

    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for error in (full, RuntimeError("IO Error: No space left on device (os error 28)"), raised_from(full)):
        assert is_full_disk(error)
    for error in (None, OSError(errno.EACCES, "denied"), raised_from(KeyError("x"))):
        assert not is_full_disk(error)
