"""An artifact and fp32 on a board, to be timed in turn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samples.artifacts import artifact, pair
from samples.boards import board as board_with
from samples.ncnn import small_network
from zoo.errors import ZooError
from zoo.runners.on_target.pair import TargetPair

IMAGE = (np.zeros((3, 8, 8), np.float32),)
SYS = {
    "devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand",
    "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000",
    "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "2400000",
    "class/thermal/thermal_zone0/temp": "61000",
    "class/thermal/thermal_zone0/trip_point_0_type": "critical",
    "class/thermal/thermal_zone0/trip_point_0_temp": "110000",
    "class/thermal/thermal_zone0/trip_point_1_type": "passive",
    "class/thermal/thermal_zone0/trip_point_1_temp": "80000",
    "class/thermal/thermal_zone1/temp": "72500",
    "class/thermal/cooling_device0/type": "pwm-fan",
    "class/thermal/cooling_device0/cur_state": "3",
    "class/thermal/cooling_device1/type": "cpufreq-cpu0",
    "class/thermal/cooling_device1/cur_state": "1",
}


def test_what_is_on_no_target_is_refused(tmp_path):
    one = artifact(*pair(small_network(), tmp_path))
    with pytest.raises(ZooError, match="it is on no target"), TargetPair.on_target(one, one):
        pass


@pytest.mark.long(20, group="own agent")
def test_a_raspberry_pis_firmware_is_asked(sshd, own_agent: Path, tmp_path):
    firmware = tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled"
    firmware.parent.mkdir(parents=True)
    told = {}
    with board_with(tmp_path / "board", f"SetEnv NCNN_ZOO_SYS={tmp_path / 'sys'}\n") as board:
        target = board.target(own_agent)
        one = replace(artifact(*pair(small_network(), tmp_path), device="board"), target=target)
        with TargetPair.on_target(one, one) as both:
            for bits in ("0", "50000", "4", "50005"):
                firmware.write_text(f"{bits}\n")
                told[bits] = both.opened(1).state()
    assert [(each.capped, each.low_voltage) for each in told.values()] == [
        (False, False),
        (False, False),  # was so once
        (True, False),
        (True, True),
    ]
    assert {(each.governor, each.temperature_c) for each in told.values()} == {(None, None)}


@pytest.mark.long(60, group="own agent")
def test_both_are_timed_and_the_board_tells_what_it_is_like(sshd, own_agent: Path, tmp_path):
    for name, text in SYS.items():
        path = tmp_path / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    with board_with(tmp_path / "board", f"SetEnv NCNN_ZOO_SYS={tmp_path / 'sys'}\n") as board:
        target = board.target(own_agent, cores=(0,))
        one = replace(artifact(*pair(small_network(), tmp_path), device="board"), target=target)
        with TargetPair.on_target(one, one) as both:
            assert both.threads == both.cores == 1 and both.info.name == "ncnn"
            assert both.peak_memory(IMAGE) > 1e6
            seconds, state = both.opened(1).time(IMAGE, 1, 3)
    assert seconds.shape == (3, 2) and (seconds > 0).all()
    assert (state.governor, state.mhz, state.max_mhz) == ("ondemand", 1500, 2400)
    assert (state.temperature_c, state.room_c, state.capped) == (72.5, 19.0, True)
