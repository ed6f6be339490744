import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from zoo.cache.store import Damaged, Store
from zoo.errors import ZooError

KEY, OTHER, THIRD = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.opened(tmp_path / "cache")


def files(folder: Path, *contents: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{index}.bin" for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content)
    return paths


def put(store: Store, key: str, *contents: str, used: float | None = None) -> None:
    store.put(key, files(store.root.parent / "made", *contents), "rule")
    if used is not None:
        os.utime(store.root / "entries" / key[:2] / key / "entry.json", (used, used))


def keys(store: Store) -> set[str]:
    return {path.name for path in store.root.glob("entries/*/*")}


def test_what_was_put_is_taken_with_its_maker(store: Store, tmp_path: Path):
    put(store, KEY, "one", "two")
    targets = [tmp_path / "copy" / f"{index}.bin" for index in range(2)]
    entry = store.take(KEY, targets)
    assert entry is not None and entry.rule == "rule" and " on " in entry.maker
    assert [path.read_text() for path in targets] == ["one", "two"]
    assert store.take(OTHER, targets) is None
    # a copy of one's own: to change it changes nothing for others
    targets[0].write_text("mine")
    assert store.take(KEY, targets) is not None and targets[0].read_text() == "one"


def test_more_files_lie_beside_the_first(store: Store, tmp_path: Path):
    put(store, KEY, "one", "two")
    (tmp_path / "copy").mkdir()
    assert store.take(KEY, [tmp_path / "copy/0.bin"]) is not None
    assert (tmp_path / "copy/1.bin").read_text() == "two"


@pytest.mark.parametrize("damage", ["content", "shorter", "record", "missing"])
def test_a_damaged_entry_is_refused_and_gone(store: Store, tmp_path: Path, damage: str):
    put(store, KEY, "one", "two")
    folder = store.root / "entries" / KEY[:2] / KEY
    match damage:
        case "content":
            (folder / "1.bin").write_text("TWO")
        case "shorter":
            (folder / "1.bin").write_text("")
        case "record":
            (folder / "entry.json").write_text("{")
        case "missing":
            (folder / "1.bin").unlink()
    targets = [tmp_path / "copy" / f"{index}.bin" for index in range(2)]
    if damage == "missing":
        assert store.take(KEY, targets) is None
    else:
        with pytest.raises(Damaged):
            store.take(KEY, targets)
        assert not folder.exists()
    assert not any(path.exists() for path in targets)


def test_many_write_the_same_at_once(store: Store, tmp_path: Path):
    made = files(tmp_path / "made", "x" * 3_000_000, "y")
    threads = [threading.Thread(target=store.put, args=(KEY, made, "rule")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys(store) == {KEY}
    assert store.take(KEY, [tmp_path / "copy/0.bin", tmp_path / "copy/1.bin"]) is not None
    assert {path.name for path in store.root.iterdir()} == {"entries", "ncnn-zoo-cache.json"}


def test_a_writer_that_is_killed_leaves_nothing_that_is_taken(store: Store, tmp_path: Path):
    made = files(tmp_path / "made", "x" * 100, "y")
    code = (
        "import os, signal, sys; from pathlib import Path; from zoo.cache import store as module\n"
        "copy, count = module._copy, []\n"
        "def killed(source, target):\n"
        "    count.append(1)\n"
        "    if len(count) == 2: target.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return copy(source, target)\n"
        "module._copy = killed\n"
        f"files = [Path(path) for path in {[*map(str, made)]!r}]\n"
        f"module.Store(Path({str(store.root)!r})).put({KEY!r}, files, 'rule')\n"
    )
    scripts = str(Path(__file__).resolve().parents[3] / "scripts")
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": scripts})
    assert done.returncode == -9
    targets = [tmp_path / "copy/0.bin", tmp_path / "copy/1.bin"]
    assert store.take(KEY, targets) is None
    assert any(path.name.startswith(".partial-") for path in store.root.iterdir())
    put(store, KEY, "x" * 100, "y")
    assert store.take(KEY, targets) is not None
    assert not any(path.name.startswith(".partial-") for path in store.root.iterdir())


def test_what_was_used_least_recently_goes_first(store: Store, tmp_path: Path):
    for used, key in enumerate((KEY, OTHER, THIRD)):
        put(store, key, "x" * 10_000, used=1000.0 + used)
    assert store.take(KEY, [tmp_path / "copy/0.bin"]) is not None
    count, size = store.size()
    assert count == 3
    assert store.prune(size) == (0, 0)
    removed, freed = store.prune(size - 1)
    assert removed == 1 and freed == pytest.approx(size / 3, abs=1)
    assert keys(store) == {KEY, THIRD}
    assert store.prune(0)[0] == 2 and not keys(store)


def test_a_limit_is_kept_to_as_entries_come(tmp_path: Path):
    store = Store.opened(tmp_path / "cache", limit=25_000)
    for used, key in enumerate((KEY, OTHER, THIRD)):
        put(store, key, "x" * 10_000, used=1000.0 + used)
    assert keys(store) == {OTHER, THIRD} and store.size()[1] <= 25_000


def test_a_cache_of_another_version_is_left_alone(store: Store):
    put(store, KEY, "one")
    (store.root / "ncnn-zoo-cache.json").write_text(json.dumps({"version": 99}))
    with pytest.raises(
        ZooError, match="is a cache of version 99, and this ncnn-zoo has version 1; name another"
    ):
        Store.opened(store.root)
    assert keys(store) == {KEY}


def test_a_folder_of_something_else_is_no_cache(tmp_path: Path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ZooError, match="is no cache of ncnn-zoo; name an empty folder"):
        Store.opened(tmp_path)
    with pytest.raises(ZooError, match="cannot be used as a cache"):
        Store.opened(tmp_path / "thesis.tex")
