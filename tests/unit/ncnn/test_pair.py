"""A model's two files and the graph in them."""

import pytest

from samples.artifacts import pair
from samples.ncnn import small_network
from zoo.errors import ZooError
from zoo.ncnn.pair import Pair


def test_a_pair_is_read_and_checked(tmp_path):
    param, weights = pair(small_network(), tmp_path)
    found = Pair.load(str(param), str(weights))
    assert found.files == (param, weights)
    assert found.graph.parameters == small_network().parameters
    assert found.megabytes == (param.stat().st_size + weights.stat().st_size) / 2**20
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ZooError, match=r"fp32\.bin"):
        Pair.load(param, weights)
