"""What a search knows of a model is read from its files, and checked."""

import pytest

from samples.artifacts import pair
from samples.ncnn import fed, normal, small_network
from zoo.calibration.collect import collect
from zoo.errors import ZooError
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.subject import Subject


def test_a_subject_is_read_from_its_files(tmp_path):
    files = pair(small_network(), tmp_path)
    runner = NcnnRunner(*files, "cpu", 1, precision="fp32")
    image = normal(1)(192).reshape(3, 8, 8)
    collect(small_network(), runner, fed([("x", image)])).save(tmp_path / "calibration.npz")
    subject = Subject.load("m", "gpu", *files, statistics=tmp_path / "calibration.npz")
    assert (str(subject), subject.device, subject.fp32.files) == ("m", "gpu", files)
    assert [layer.name for layer in subject.fp32.graph.layers] == [
        layer.name for layer in small_network().layers
    ]
    subject.statistics.check(subject.fp32.graph)
    with pytest.raises(ZooError, match=r"gone\.npz"):
        Subject.load("m", "gpu", *files, statistics=tmp_path / "gone.npz")
