from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from zoo.cache import job as shared
from zoo.cache.key import Ingredients
from zoo.errors import EntryError


@dataclass
class Job:
    input: list[str]
    output: list[str]
    rule: str = "reference"
    params: dict[str, Any] = field(default_factory=lambda: {"code": "1234", "images": {"images": 8}})
    wildcards: dict[str, str] = field(default_factory=lambda: {"model": "mine"})


@pytest.fixture
def sharing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NCNN_ZOO_CACHE", raising=False)
    monkeypatch.setenv("NCNN_ZOO_CACHE_BYTES", "")
    assert shared.share(str(tmp_path / "cache"), None) == ""
    return tmp_path / "cache"


def job_in(folder: Path, content: str = "weights", **different: Any) -> Job:
    folder.mkdir()
    (folder / "in").write_text(content)
    return Job([str(folder / "in")], [str(folder / "out")], **different)


def run(job: Job, made: list[str], anywhere: bool = False) -> None:
    def make(*, text: str) -> None:
        made.append(job.output[0])
        Path(job.output[0]).write_text(text)

    shared.cached(job, make, anywhere)(text="made")


def test_two_folders_share_what_one_made(sharing: Path, tmp_path: Path):
    made: list[str] = []
    for name in ("one", "two"):
        run(job_in(tmp_path / name), made)
    assert made == [str(tmp_path / "one/out")]
    assert (tmp_path / "two/out").read_text() == "made"


@pytest.mark.parametrize(
    "different",
    [
        {"content": "others"},
        {"params": {"code": "5678", "images": {"images": 8}}},
        {"params": {"code": "1234", "images": {"images": 9}}},
        {"wildcards": {"model": "yours"}},
        {"rule": "other"},
    ],
)
def test_whatever_differs_is_made(sharing: Path, tmp_path: Path, different: dict[str, Any]):
    made: list[str] = []
    run(job_in(tmp_path / "one"), made)
    run(job_in(tmp_path / "two", **different), made)
    assert len(made) == 2


def test_the_tools_count_and_the_processor_where_it_matters(tmp_path: Path):
    job = job_in(tmp_path / "one")
    own = Ingredients.of(job, anywhere=False)
    assert "torch" in own.tools and own.machine
    assert own.key() == Ingredients.of(job, anywhere=False).key()
    everywhere = Ingredients.of(job, anywhere=True)
    assert not everywhere.machine and everywhere.key() != own.key()


def test_a_damaged_entry_is_made_again(sharing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    made: list[str] = []
    run(job_in(tmp_path / "one"), made)
    (entry,) = sharing.glob("entries/*/*/out")
    entry.write_text("other")
    run(job_in(tmp_path / "two"), made)
    assert len(made) == 2 and (tmp_path / "two/out").read_text() == "made"
    assert "the content of out was changed; it is dropped, and made again" in capsys.readouterr().err
    run(job_in(tmp_path / "three"), made)
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_stops_no_job(
    sharing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (sharing / "entries").write_text("a file")
    made: list[str] = []
    run(job_in(tmp_path / "one"), made)
    assert made and "nothing was added to the shared cache" in capsys.readouterr().err


def test_without_a_cache_jobs_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NCNN_ZOO_CACHE", "of before")
    assert shared.share(None, None) == ""
    made: list[str] = []
    for name in ("one", "two"):
        run(job_in(tmp_path / name), made)
    assert len(made) == 2


def test_one_that_cannot_be_used_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NCNN_ZOO_CACHE", "of before")
    said = "/proc/x cannot be used as a cache: no folder can be made there; nothing is shared"
    assert shared.share("/proc/x", None) == said
    assert shared._store() is None
    (tmp_path / "ncnn-zoo-cache.json").write_text("{")
    assert "cache: ncnn-zoo-cache.json in it is broken; nothing is" in shared.share(str(tmp_path), None)


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("~nobody-here/c", "~nobody-here is no user's home on this machine; write the path from / on"),
        ("file", "file is a file, and a folder belongs there; name another"),
        ("file/below", "file is a file, and a folder belongs there; name another"),
    ],
)
def test_what_can_be_no_folder_is_refused_by_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, said: str
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(EntryError, match=f"^cache: folder: .*{said}$") as refused:
        shared.share(folder, None)
    assert refused.value.where == ("cache", "folder")
