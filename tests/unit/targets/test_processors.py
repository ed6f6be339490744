"""The processors that an emulator knows: a stand-in for QEMU lists some, and takes one more."""

from pathlib import Path

import pytest

from zoo.targets.processors import processor_fault

EMULATOR = """\
#!/bin/sh
case "$2" in
help) printf 'Available CPUs:\\n  cortex-a53\\n  cortex-a76\\n  max\\n' ;;
cortex-a53|cortex-a76|max|any) exit 0 ;;
*) echo "qemu: unable to find CPU model '$2'" >&2; exit 1 ;;
esac
"""


@pytest.fixture(autouse=True)
def emulator(tmp_path: Path, monkeypatch) -> Path:
    file = tmp_path / "qemu-aarch64-static"
    file.write_text(EMULATOR)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    processor_fault.cache_clear()
    return file


@pytest.mark.parametrize(
    ("cpu", "said"),
    [
        ("cortex-z76", "QEMU (qemu-aarch64-static) has no processor cortex-z76; did you mean cortex-a76?"),
        (
            "q",
            "QEMU (qemu-aarch64-static) has no processor q; it knows cortex-a53, cortex-a76, max …: "
            "qemu-aarch64-static -cpu help",
        ),
        ("cortex-a76", ""),
        ("any", ""),  # which is not listed
    ],
)
def test_an_unknown_processor_is_told_with_the_nearest(cpu: str, said: str):
    assert processor_fault(cpu, "aarch64", "x86_64") == said


def test_a_machine_of_the_architecture_emulates_nothing():
    assert not processor_fault("cortex-z99", "aarch64", "arm64")
    assert not processor_fault(None, "aarch64", "x86_64")


def test_an_emulator_that_is_missing_or_says_nothing_refuses_none(emulator: Path):
    emulator.write_text("#!/bin/sh\nexit 1\n")
    assert not processor_fault("cortex-z99", "aarch64", "x86_64")
    assert not processor_fault("cortex-z99", "armhf", "x86_64")
