"""A model in two files, read and checked at once."""

import numpy as np
import pytest

from samples.ncnn import small_network
from zoo.errors import ZooError
from zoo.ncnn.graph import write_graph
from zoo.ncnn.pair import Pair


def test_a_pair_holds_the_graph_of_its_files(tmp_path):
    files = tmp_path / "m.param", tmp_path / "m.bin"
    write_graph(small_network(), *files)
    pair = Pair.load(str(files[0]), str(files[1]))
    assert pair.files == files
    assert pair.graph.fingerprint() == small_network().fingerprint()
    size = sum(file.stat().st_size for file in files)
    assert pair.megabytes == pytest.approx(size / 2**20, rel=0.05)


def test_a_damaged_pair_is_refused(tmp_path):
    files = tmp_path / "m.param", tmp_path / "m.bin"
    write_graph(small_network(), *files)
    data = bytearray(files[1].read_bytes())
    data[4:8] = np.float32(np.nan).tobytes()
    files[1].write_bytes(data)
    with pytest.raises(ZooError, match="weight holds NaN or inf"):
        Pair.load(*files)
