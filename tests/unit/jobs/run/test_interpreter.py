"""The Python of a build below a path that a shell would take apart."""

import subprocess
import sys

import pytest

from zoo.jobs.run.interpreter import quote_interpreter


@pytest.mark.parametrize("path", ["/opt/my zoo/bin/python", "/opt/Ordner's é/python", "/opt/a;b$c/python"])
def test_a_shell_reads_the_path_as_one_word(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr("multiprocessing.set_executable", kept.append)
    monkeypatch.setattr(sys, "executable", path)
    quote_interpreter()
    said = subprocess.run(["/bin/sh", "-c", f"printf %s {sys.executable}"], capture_output=True, text=True)
    assert said.stdout == path and kept == [path]


def test_a_plain_path_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    quote_interpreter()
    assert sys.executable == "/usr/bin/python3"
