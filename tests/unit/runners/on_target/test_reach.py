"""A target, reached as config.yaml says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samples.artifacts import pair
from samples.boards import Board
from samples.ncnn import small_network
from zoo.config.targets import Target
from zoo.errors import ZooError
from zoo.runners.on_target.reach import carrier_of, emptied, processor_of, reached
from zoo.runners.on_target.runner import TargetRunner
from zoo.targets.adb import Adb
from zoo.targets.carriers import emulation
from zoo.targets.ssh import Ssh


def test_each_way_has_its_carrier():
    assert carrier_of(Target("a76", "cortex-a76")) == emulation("cortex-a76")
    ssh = carrier_of(Target("pi5", ssh="pi@pi", port=22, key="k", known_hosts="h"))
    assert ssh == Ssh("pi5", "aarch64", host="pi@pi", port=22, key="k", known_hosts="h") and ssh.elsewhere
    assert carrier_of(Target("phone", adb="x")) == Adb("phone", "aarch64", serial="x")


def test_without_an_agent_there_is_no_target():
    with (
        pytest.raises(ZooError, match="pi5: nobody said which agent works there"),
        reached(Target("pi5", ssh="pi")),
    ):
        pass


def test_an_emulated_processor_is_called_as_it_was_declared():
    told = {"cpu": "what runs the emulator"}
    pi2, pi5 = Target("pi2", "cortex-a7", architecture="armhf"), Target("pi5", ssh="pi")
    assert processor_of(told, pi2) == "cortex-a7, emulated"
    assert processor_of({"cpu": "cortex-a76"}, pi5) == "cortex-a76"


@pytest.mark.long(60, group="own agent")
class TestABoard:
    def test_artifacts_travel_once_and_a_command_takes_them_away(
        self, board: Board, own_agent, tmp_path, capsys
    ):
        target = board.target(own_agent, folder=str(tmp_path / "there"), threads=1)
        files, image = pair(small_network(), tmp_path), (np.ones((3, 8, 8), np.float32),)
        size = sum(file.stat().st_size for file in files)
        answers = []
        for said in (f"note: {size:,} bytes of artifacts were sent to board\n", ""):
            runner = TargetRunner(files, target, 2, "fp32")
            answers.append(runner.run(image))
            runner._finalize()
            assert capsys.readouterr().err == said
        np.testing.assert_array_equal(*answers)
        assert emptied(target) == (3, size + own_agent.stat().st_size)
        assert not (tmp_path / "there").exists()

    def test_features_that_it_lacks_are_named_and_nothing_runs(self, board: Board, own_agent: Path):
        target = replace(board.target(own_agent), features=("sve9", "asimdhp9"))
        with (
            pytest.raises(ZooError, match=r"no sve9, asimdhp9, which features asks for; it has"),
            reached(target),
        ):
            pass


@pytest.mark.long(10, group="agent")
def test_features_that_an_emulated_processor_lacks_are_named(arm_agent: Path):
    target = Target("a53", "cortex-a53", agent=str(arm_agent), features=("asimddp", "sve9"))
    sentence = (
        r"a53: its processor \(.+\) or its kernel has no (asimddp, )?sve9, which features asks for; it has"
    )
    with pytest.raises(ZooError, match=sentence), reached(target):
        pass
