"""The list of software."""

import json
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.provenance.sbom import write_sbom


@pytest.mark.long(20)
def test_it_lists_the_environment_in_cyclonedx_and_twice_the_same(tmp_path: Path, monkeypatch):
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from cyclonedx.validation import make_schemabased_validator

    write_sbom(tmp_path / "a.json")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    write_sbom(tmp_path / "b.json")
    text = (tmp_path / "a.json").read_text()
    assert text == (tmp_path / "b.json").read_text()
    bom = json.loads(text)
    assert "serialNumber" not in bom and "timestamp" not in bom["metadata"]
    versions = {each["name"]: each["version"] for each in bom["components"]}
    assert versions["torch"] == version("torch") and versions["ncnn"] == version("ncnn")
    validator = make_schemabased_validator(OutputFormat.JSON, SchemaVersion.from_version(bom["specVersion"]))
    assert validator.validate_str(text) is None


def test_a_tool_that_fails_is_a_sentence(tmp_path: Path, monkeypatch):
    done = subprocess.CompletedProcess([], 1, "", "No module named cyclonedx_py\n")
    monkeypatch.setattr("zoo.provenance.sbom.subprocess.run", lambda *_, **__: done)
    with pytest.raises(ZooError, match="cyclonedx-py failed: No module named cyclonedx_py; install"):
        write_sbom(tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []
