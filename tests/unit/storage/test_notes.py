import io
import tarfile
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zoo.storage import notes as module
from zoo.storage.bucket import Bucket, Stored
from zoo.storage.notes import BELOW, Head, Notes, doubtful

if TYPE_CHECKING:
    from samples.storage import Storage

RECORD = Path(".snakemake/metadata/record")


class Machine:
    """A folder with notes; one works in it while something is asked of it."""

    def __init__(self, folder: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self.folder, self._enter = folder, lambda: monkeypatch.chdir(folder)
        self._enter()
        self._notes = Notes(bucket, "results", Path(".snakemake/storage"))

    def __getattr__(self, name: str):
        self._enter()
        return getattr(self._notes, name)

    def write(self, path: Path | str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def read(self, path: Path | str) -> str:
        return (self.folder / path).read_text()


@pytest.fixture
def bucket(place: "Storage", request: pytest.FixtureRequest) -> Bucket:
    return Bucket(place.client, f"s3://zoos/{request.node.name}")


@pytest.fixture
def machines(tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> tuple[Machine, Machine]:
    one, two = (Machine(tmp_path / name, bucket, monkeypatch) for name in ("one", "two"))
    return one, two


def test_notes_travel_and_the_latest_win(machines: tuple[Machine, Machine], bucket: Bucket):
    one, two = machines
    assert two.fetch() == []
    one.write(RECORD, "1")
    one.write("results/.made/a", "made")
    one.write("results/.made-by/a.json", "how")
    one.write("results/history.jsonl", "{}")
    one.write("results/cpu/weights.bin", "large")
    one.send(ended=True)
    assert [head.ended for head in two.fetch()] == [True]
    assert (two.read(RECORD), two.read("results/.made/a"), two.read("results/history.jsonl")) == (
        "1",
        "made",
        "{}",
    )
    assert not (two.folder / "results/cpu").exists()
    two.write(RECORD, "2 ")
    two.send(ended=True)
    one.fetch()
    assert one.read(RECORD) == "2 "
    # what came is not sent back
    before = bucket.listed(BELOW)
    one.send(ended=False, always=False)
    assert bucket.listed(BELOW) == before


def test_many_archives_become_one(
    machines: tuple[Machine, Machine], bucket: Bucket, monkeypatch: pytest.MonkeyPatch
):
    one, two = machines
    monkeypatch.setattr(module, "_MOST", 2)
    for number in range(4):
        one.write(f".snakemake/metadata/{number}", str(number))
        one.send(ended=True)
    one.put_together()
    assert len(bucket.listed(BELOW)) == 1
    assert len(two.fetch()) == 1
    assert [two.read(f".snakemake/metadata/{number}") for number in range(4)] == ["0", "1", "2", "3"]
    one.write(RECORD, "later")
    one.send(ended=True)
    two.fetch()
    assert two.read(RECORD) == "later"


def test_what_jobs_leave_is_gathered_and_sent_on(machines: tuple[Machine, Machine], bucket: Bucket):
    one, two = machines
    two.write("results/.made-by/a.json", "how")
    two.leave()
    one.gather()
    assert one.read("results/.made-by/a.json") == "how"
    assert not bucket.listed(".zoo/jobs/")
    one.send(ended=True)
    assert "results/.made-by/a.json" in names_in(bucket)


def names_in(bucket: Bucket) -> list[str]:
    data, _ = bucket.read(bucket.listed(BELOW)[-1].name) or (b"", None)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:xz") as archive:
        return archive.getnames()


def test_an_archive_puts_nothing_elsewhere(machines: tuple[Machine, Machine], bucket: Bucket):
    _, two = machines
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        module._add(archive, "head.json", b'{"begun": 0, "ended": true, "unfinished": []}')
        for name in ("Snakefile", "results/.made/../../Snakefile", "/etc/x", "results/cpu/int8.bin"):
            module._add(archive, name, b"not ours")
        module._add(archive, "results/.made/b", b"ours")
    bucket.write(f"{BELOW}00000001.tar.xz", buffer.getvalue())
    two.fetch()
    found = {str(path.relative_to(two.folder)) for path in two.folder.rglob("*") if path.is_file()}
    assert found == {"results/.made/b", ".snakemake/storage/notes.json"}


def test_jobs_that_run_are_told_of(machines: tuple[Machine, Machine], bucket: Bucket):
    one, two = machines
    for name in ("results/a.bin", "results/" + "long/" * 80 + "b.bin"):
        encoded = urlsafe_b64encode(f"{bucket.url}/{name}".encode()).decode()
        # as Snakemake splits names that are too long
        parts = [encoded[start : start + 254] for start in range(0, len(encoded), 254)]
        one.write("/".join([".snakemake/incomplete", *(f"@{part}" for part in parts[:-1]), parts[-1]]), "{}")
    one.send(ended=False)
    (head,) = two.fetch()
    assert sorted(head.unfinished) == ["results/a.bin", "results/" + "long/" * 80 + "b.bin"]


def test_what_nobody_can_say_how_it_was_made_is_doubtful():
    stored = [
        Stored(name, 1, changed, "t") for name, changed in (("old", 1.0), ("new", 9.0), ("running", 2.0))
    ]
    ended, killed = Head(5.0, True), Head(5.0, False, ["running"])
    assert doubtful([killed, ended], stored) == [] == doubtful([], stored)
    assert doubtful([ended, killed], stored) == ["new", "running"]
