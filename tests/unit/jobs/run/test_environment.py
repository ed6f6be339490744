"""A node with other versions than the build was planned with takes no job of it."""

import json

import pytest

from zoo.errors import ZooError
from zoo.jobs.run import environment
from zoo.jobs.surroundings import tools


@pytest.fixture(autouse=True)
def of_no_build(monkeypatch):
    monkeypatch.setenv("NCNN_ZOO_TOOLS", "null")


def test_the_environment_of_the_build_is_taken():
    environment.refuse_other()  # no build sent this process
    environment.hand_over()
    environment.refuse_other()


def test_other_versions_are_named(monkeypatch):
    planned = tools() | {"ncnn": "1.0", "pnnx": "2.0"}
    here = tools()
    monkeypatch.setenv("NCNN_ZOO_TOOLS", json.dumps(planned | {"unheard-of": "3"}))
    with pytest.raises(ZooError) as caught:
        environment.refuse_other()
    said = str(caught.value)
    assert f"ncnn {here['ncnn']} here, 1.0 where the build was planned" in said
    assert f"pnnx {here['pnnx']} here, 2.0" in said
    assert "unheard-of is missing here, 3" in said and "numpy" not in said
