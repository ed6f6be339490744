"""The command `zoo`, called in this process, and a folder for it to be called in."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from zoo.cli.main import zoo

CONFIG = {
    "devices": ["cpu"],
    "models": {"small": {"timm": "resnet18", "weights": {"random": 0}}, "other": {"timm": "resnet34"}},
}


def call(*arguments: object) -> Result:
    """`zoo ARGUMENTS`; what was not meant for users is raised."""
    done = CliRunner().invoke(zoo, [str(each) for each in arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def zoo_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a configuration of two models."""
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    monkeypatch.chdir(folder)
    return folder
