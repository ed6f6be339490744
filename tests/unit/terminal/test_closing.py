"""What ends a build in words."""

import pytest

from samples.report import benchmark, card, verification
from zoo.terminal.closing import closing
from zoo.terminal.failures import Failure


@pytest.fixture
def folder(tmp_path):
    """A zoo of one model: fp32 and int8 on the cpu."""
    (tmp_path / "weights").mkdir()
    card("net").write(tmp_path / "weights" / "net.json")
    (tmp_path / "cpu/net").mkdir(parents=True)
    for artifact in ("fp32", "int8"):
        verification("net", artifact=artifact).write(tmp_path / f"cpu/net/{artifact}.verify.json")
        benchmark("net", artifact=artifact).write(tmp_path / f"cpu/net/{artifact}.bench.json")
    return tmp_path


def test_it_names_what_to_ship_with_its_gain_and_the_next_command(folder):
    (folder / "report.html").touch()
    lines = closing(["cpu/net", "net", "", "cpu/net"], [], folder)
    assert lines[0] == "2 artifacts passed"
    ship = lines[lines.index("Ship this") + 1]
    assert ship.split() == [
        *("cpu/net", f"{folder}/cpu/net/int8.param", "1.68", "MB,"),
        *("3.57", "times", "smaller,", "1.69", "times", "faster"),
    ]
    assert any(f"snakemake {folder}/cpu/net/best.deploy.zip" in line for line in lines)
    assert lines[-1].endswith("report.html")


def test_a_failed_gate_is_told_once_with_its_reason_and_log(folder):
    verification("net", failures=["cosine is 0.5, below the gate 0.99"]).write(
        folder / "cpu/net/int8.verify.json"
    )
    lines = closing(["cpu/net"], [Failure("gate cpu/net/int8", None)], folder)
    assert lines[:3] == [
        "1 artifact passed, 1 failed:",
        "  cpu/net/int8: cosine is 0.5, below the gate 0.99",
        f"    {folder}/logs/verify/cpu/net/int8.log",
    ]
    assert not any("job" in line for line in lines)
    assert "fp32.param" in lines[lines.index("Ship this") + 1]


def test_another_failure_has_its_reason_and_no_ship(tmp_path):
    log = tmp_path / "weights.log"
    log.write_text("2026 ERROR weights net: the hub does not answer\n")
    lines = closing(["net"], [Failure("weights net", str(log))], tmp_path)
    assert lines[:3] == ["1 job failed:", "  weights net: the hub does not answer", f"    {log}"]
    assert "goes on where it was" in lines[-1]


def test_a_broken_record_is_no_reason_to_break(folder):
    (folder / "cpu/net/int8.verify.json").write_text("{")
    assert closing(["cpu/net"], [], folder) == []
