"""Jobs import the library of the folder whose rules they are of, whatever else is installed."""

import os
from pathlib import Path

import pytest

from zoo.jobs.run.own_library import lead


@pytest.mark.parametrize("before", [None, "", "/elsewhere"])
def test_the_folder_leads_and_what_was_there_follows(monkeypatch: pytest.MonkeyPatch, before: str | None):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if before is not None:
        monkeypatch.setenv("PYTHONPATH", before)
    lead(Path("/zoo/scripts"))
    assert os.environ["PYTHONPATH"].split(os.pathsep) == ["/zoo/scripts", *filter(None, [before])]
