"""Building the agent: what decides which one, what is missing, and one for this machine."""

import platform
import shutil
from pathlib import Path

import numpy as np
import pytest

from conftest import agent_for_tests, require
from samples.artifacts import pair
from samples.ncnn import layer, small_network
from zoo.errors import ZooError
from zoo.jobs.host import Host
from zoo.ncnn.graph import Graph
from zoo.ncnn.options import options
from zoo.runners.ncnn_runner import load, model_outputs
from zoo.targets import build, cmake
from zoo.targets.build import agent_program, check_tools, key_of, library_key
from zoo.targets.carriers import Native, emulation
from zoo.targets.link import Link
from zoo.targets.remote import Remote

REQUIREMENTS = Path(__file__).resolve().parents[3] / "requirements.txt"


def test_an_agent_is_another_for_other_layers_and_another_source(tmp_path, monkeypatch):
    keys = {key_of("aarch64", REQUIREMENTS, layers) for layers in (None, [], ["ReLU"], ["GELU"])}
    assert len(keys) == 4
    assert key_of("aarch64", REQUIREMENTS, ["A", "B"]) == key_of("aarch64", REQUIREMENTS, ["B", "A"])
    (tmp_path / "agent.cpp").write_text("int main() {}")
    monkeypatch.setattr(cmake, "AGENT", tmp_path)
    assert key_of("aarch64", REQUIREMENTS, None) not in keys


def test_an_edit_of_the_agent_changes_no_library(tmp_path, monkeypatch):
    library = library_key("aarch64", REQUIREMENTS, None)
    (tmp_path / "agent.cpp").write_text("int main() {}")
    monkeypatch.setattr(cmake, "AGENT", tmp_path)
    assert library_key("aarch64", REQUIREMENTS, None) == library
    agent = key_of("aarch64", REQUIREMENTS, None)
    monkeypatch.setattr(cmake, "NCNN", tmp_path)
    assert library_key("aarch64", REQUIREMENTS, None) != library
    assert key_of("aarch64", REQUIREMENTS, None) != agent


def test_an_agent_for_tests_is_another(monkeypatch):
    keys = set()
    for value in ("1", "0"):
        monkeypatch.setenv(build.BASELINE, value)
        keys.add(key_of("x86_64", REQUIREMENTS, None))
    assert len(keys) == 2


def test_what_is_missing_is_named_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build, "_INCLUDES", ())
    expected = "install g\\+\\+\\S* cmake make nlohmann-json3-dev"
    with pytest.raises(ZooError, match=f"agent for aarch64 cannot be built .* {expected}"):
        check_tools("aarch64")


def test_what_the_cache_has_is_not_built_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "fetch", None)
    program = tmp_path / "ncnn-zoo" / f"agent-aarch64-{key_of('aarch64', REQUIREMENTS, ['ReLU'])}"
    program.parent.mkdir()
    program.write_text("an agent")
    assert agent_program("aarch64", REQUIREMENTS, ["ReLU"]) == program


def test_what_a_killed_build_left_in_the_cache_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "check_tools", _nothing_to_build_with)
    left = tmp_path / "ncnn-zoo" / f".partial-{Host.own().machine}-before-abcdefgh"
    (left / "source").mkdir(parents=True)
    with pytest.raises(ZooError, match="no compiler"):
        agent_program("aarch64", REQUIREMENTS, ["ReLU"])
    assert not left.exists()


@pytest.mark.long(150, group="other agents")
@pytest.mark.parametrize(("architecture", "cpu"), [("armhf", "cortex-a7"), ("riscv64", "rv64")])
def test_one_for_another_architecture_answers_as_ncnn_does_here(tmp_path, architecture: str, cpu: str):
    program, carrier = agent_for_tests(architecture), emulation(cpu, architecture)
    files, image = pair(small_network(), tmp_path), (np.random.default_rng(0).random((3, 8, 8), np.float32),)
    (expected,) = load(files, "cpu", 1, "fp32").run(image)
    remote = Remote.start(Link("there", carrier, program, str(tmp_path / "cache")))
    for precision, close in (("fp32", 1e-5), ("fp16", 1e-2)):
        opened = remote.open(files, ["in0"], model_outputs(small_network()), 1, options(precision))
        ((_, got),) = remote.run(opened, image)
        np.testing.assert_allclose(got, expected, atol=close * np.abs(expected).max())
    remote.close()


def _nothing_to_build_with(architecture):
    raise ZooError("no compiler")


@pytest.mark.long(60, group="agent")
def test_one_for_this_machine_answers_as_ncnn_does_and_another_has_the_same_ncnn(
    tmp_path, compiler, monkeypatch
):
    own = platform.machine()
    try:
        check_tools(own)
    except ZooError as error:
        require(False, str(error))
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("InnerProduct", "dense", "in0", "a", num_output=5, bias_term=1, weight_data_size=40),
            layer("ReLU", "relu", "a", "out0"),
        )
    )
    files, image = pair(graph, tmp_path), (np.linspace(-1, 1, 8, dtype=np.float32),)
    program = agent_program(own, REQUIREMENTS, ["Input", "InnerProduct", "ReLU"], processes=2)
    remote = Remote.start(Link("here", Native(), program, str(tmp_path / "cache")))
    opened = remote.open(files, ["in0"], ["out0"], 1, {"use_fp16_storage": False})
    ((_, got),) = remote.run(opened, image)
    (expected,) = load(files, "cpu", 1, "fp32").run(image)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    remote.close()
    for folder in (cmake.AGENT, cmake.NCNN):
        shutil.copytree(folder, tmp_path / "edited" / folder.name)
    with (tmp_path / "edited/agent/agent.cpp").open("a") as source:
        source.write(f"// {tmp_path}\n")
    monkeypatch.setattr(cmake, "AGENT", tmp_path / "edited/agent")
    monkeypatch.setattr(build, "fetch", None)
    edited = agent_program(own, REQUIREMENTS, ["Input", "InnerProduct", "ReLU"])
    assert edited != program and edited.stat().st_size == program.stat().st_size
    for file in (edited, edited.with_suffix(".lock")):
        file.unlink()
