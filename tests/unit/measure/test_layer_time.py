"""The time of each layer. Nothing here judges how long something takes."""

import numpy as np
import pytest

from samples.artifacts import pair
from samples.ncnn import normal, small_network, two_headed
from zoo.errors import ZooError
from zoo.measure.layer_time import layer_times
from zoo.runners.ncnn_runner import NcnnRunner


@pytest.fixture
def files(tmp_path):
    return pair(small_network(), tmp_path)


def test_every_layer_that_computes_takes_time(files):
    times = layer_times(files, [(3, 8, 8)], runs=2)
    assert list(times.ms) == [layer.name for layer in small_network().layers]
    assert times.ms["in0"] == 0
    assert all(times.ms[name] > 0 for name in ("conv", "dw", "add", "pool", "fc"))
    assert times.device
    assert not times.transfers


def test_a_model_of_two_inputs_is_timed(tmp_path):
    times = layer_times(pair(two_headed(), tmp_path), [(3, 8, 8), (6,)], runs=2)
    assert all(times.ms[name] > 0 for name in ("conv", "relu", "pool", "fc", "side", "add"))
    assert (times.ms["in0"], times.ms["in1"]) == (0, 0)


def test_timing_layers_one_by_one_computes_what_a_whole_run_does(files):
    runner = NcnnRunner(*files, "cpu", 1, precision="fp32")
    image = normal(2)(192).reshape(3, 8, 8)
    expected = runner.run((image,))
    assert len(runner.seconds((image,), ["1", "2", "4", "5", "6", "out0"])) == 6
    np.testing.assert_array_equal(runner.run((image,)), expected)


def test_a_file_that_ncnn_cannot_time_is_an_error(files, tmp_path):
    (tmp_path / "x.bin").write_bytes(files[1].read_bytes()[:-4])
    with pytest.raises(ZooError, match="x\\.bin"):
        layer_times((files[0], tmp_path / "x.bin"), [(3, 8, 8)], runs=1)
