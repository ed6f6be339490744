"""ncnn's source: which version, and what is said if it is not to be had."""

from importlib.metadata import version
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.targets.source import fetch, pinned

REQUIREMENTS = Path(__file__).resolve().parents[3] / "requirements.txt"


def test_the_projects_pin_is_of_the_version_that_is_installed():
    lines = pinned(REQUIREMENTS).splitlines()
    assert lines[0].startswith(f"ncnn=={version('ncnn')} ")
    assert len(lines) > 2 and all("--hash=sha256:" in line for line in lines[1:])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("numpy==1 \\\n    --hash=sha256:00\n", "not pinned there with hashes"),
        (f"ncnn=={version('ncnn')}\n", "not pinned there with hashes"),
        ("ncnn==1.0.1 \\\n    --hash=sha256:00\nnumpy==1\n", r"pins 1\.0\.1: an agent of another version"),
    ],
)
def test_another_version_or_none_is_refused(text: str, sentence: str, tmp_path):
    (tmp_path / "requirements.txt").write_text(text)
    with pytest.raises(ZooError, match=sentence):
        pinned(tmp_path / "requirements.txt")


def test_without_an_index_the_reason_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(ZooError, match=r"pip cannot fetch ncnn's source .*ncnn==.*index there\?"):
        fetch(REQUIREMENTS, tmp_path / "source")
