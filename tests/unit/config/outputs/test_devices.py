"""What is different from device to device."""

from samples.zoos import BOARD, TARGETS
from zoo.config.outputs import devices


def test_an_artifact_of_a_target_knows_it_and_its_agent():
    values = devices.artifact_values(TARGETS, "a76", "one", "int8")
    assert values["target"]["emulate"] == "cortex-a76"
    assert [values["target"]["agent"]] == devices.agent(TARGETS, "a76") == ["results/targets/aarch64/agent"]
    assert "target" not in devices.artifact_values(TARGETS, "cpu", "one", "int8")
    assert devices.agent(TARGETS, "cpu") == []
    assert devices.runner(TARGETS, "a76", "int8") == "target"
    assert devices.runner(TARGETS, "cpu", "int8") == "ncnn"


def test_a_board_is_timed_and_asked_for_one_at_a_time():
    assert devices.is_timed(BOARD, "pi5") and devices.is_timed(BOARD, "cpu")
    assert not devices.is_timed(BOARD, "a76")
    assert [devices.uses_board(BOARD, device) for device in ("cpu", "a76", "pi5")] == [0, 0, 1]
    assert devices.agent(BOARD, "pi5") == devices.board_agents(BOARD) == ["results/targets/x86_64/agent"]
    assert [board["name"] for board in devices.boards(BOARD)] == ["pi5"]
