"""What starts an agent, and what is said where it cannot."""

import tempfile
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.targets.carriers import Emulated, Native, emulation


def test_a_machine_of_the_architecture_needs_no_emulator():
    for machine in ("aarch64", "arm64"):
        assert emulation("cortex-a76", machine=machine) == Native()
        assert emulation("cortex-a7", "armhf", machine) == Emulated("cortex-a7", "armhf")
    assert emulation("cortex-a76", machine="x86_64") == Emulated("cortex-a76")
    assert emulation("rv64", "riscv64", "riscv64") == Native()
    assert Emulated("cortex-a76").emulated and not Native().emulated


@pytest.mark.parametrize(
    ("cpu", "architecture", "program"),
    [
        ("cortex-a76", "aarch64", "qemu-aarch64-static"),
        ("cortex-a7", "armhf", "qemu-arm-static"),
        ("rv64", "riscv64", "qemu-riscv64-static"),
    ],
)
def test_a_missing_emulator_is_named_with_what_to_install(monkeypatch, tmp_path, cpu, architecture, program):
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        tempfile.TemporaryFile() as errors,
        pytest.raises(ZooError, match=rf"no emulator of {cpu} \({program}\) .* install qemu-user-static"),
    ):
        Emulated(cpu, architecture).start(Path("agent"), "cache", errors)


def test_an_agent_that_cannot_be_started_is_told(tmp_path):
    with (
        tempfile.TemporaryFile() as errors,
        pytest.raises(ZooError, match=r"agent cannot be started: .*No such"),
    ):
        Native().start(tmp_path / "agent", "cache", errors)


def test_the_native_agent_gets_its_cache_and_speaks_on_its_streams(tmp_path):
    program = tmp_path / "agent"
    program.write_text("#!/bin/sh\nread line\necho $line $1\n")
    program.chmod(0o755)
    with tempfile.TemporaryFile() as errors:
        process = Native().start(program, "the-cache", errors)
        assert process.communicate(b"hello\n")[0] == b"hello the-cache\n"
