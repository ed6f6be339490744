"""What is told of the machine."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from huggingface_hub import constants

from samples import hub_server
from zoo.cli.looks.machine import Fact, facts
from zoo.jobs import surroundings


def found(monkeypatch: pytest.MonkeyPatch, endpoint: str = "http://127.0.0.1:9") -> dict[str, Fact]:
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    return {each.name: each for each in facts()}


def test_versions_are_those_that_are_installed(monkeypatch: pytest.MonkeyPatch):
    told = found(monkeypatch)
    assert told["ncnn"] == Fact("ncnn", version("ncnn")) and told["Python"].value == platform.python_version()


def test_a_missing_package_names_its_extra_and_is_wrong_only_where_files_cannot_be_run_without(
    monkeypatch: pytest.MonkeyPatch,
):
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    told = found(monkeypatch)
    assert told["torch"] == Fact("torch", "not installed", None, "pip install 'ncnn-zoo[build]'")
    assert told["litserve"].advice == "pip install 'ncnn-zoo[serve]'"
    assert told["ncnn"] == Fact("ncnn", "not installed", False, "pip install 'ncnn-zoo'")


def test_a_hub_that_answers_is_well_and_another_is_no_fault(monkeypatch: pytest.MonkeyPatch):
    with hub_server.serve() as hub:
        assert found(monkeypatch, hub.endpoint)["hub"] == Fact("hub", hub.endpoint)
    told = found(monkeypatch)["hub"]
    assert told.ok is None and "cannot be reached" in told.value and "HF_ENDPOINT" in told.advice


@pytest.mark.parametrize(
    ("machine", "features", "said", "int8"),
    [
        ("x86_64", ("avx2", "avx512_vnni"), "AVX2, VNNI", True),
        ("x86_64", ("avx2", "f16c"), "AVX2, F16C", False),
        ("aarch64", ("asimdhp", "asimddp"), "fp16, dot products", True),
        ("riscv64", (), "no features told", True),
    ],
)
def test_the_processor_is_told_by_what_counts(
    monkeypatch, machine: str, features: tuple[str, ...], said: str, int8
):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(surroundings, "cpu_features", lambda: features)
    told = found(monkeypatch)["processor"]
    assert f"({said})" in told.value and bool(told.advice) is not int8


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1e9}))
    assert found(monkeypatch)["disk"].advice
