"""The tanh form of GELU: what ncnn then computes, and what stays."""

import math

import numpy as np

from samples.ncnn import chain, run, small_network
from zoo.ncnn.graph import Graph
from zoo.quantize.forms.gelu import tanh_gelu

X = np.linspace(-8, 8, 4096, dtype=np.float32).reshape(4, 32, 32)


def test_ncnn_computes_the_tanh_form(tmp_path):
    cubic = X.astype(np.float64) + 0.044715 * X.astype(np.float64) ** 3
    expected = 0.5 * X * (1 + np.tanh(math.sqrt(2 / math.pi) * cubic))
    assert np.allclose(run(tanh_gelu(chain("GELU")), X, tmp_path), expected, atol=1e-5)


def test_it_stays_within_a_two_thousandth_of_gelu(tmp_path):
    exact, fast = (run(graph, X, tmp_path) for graph in (chain("GELU"), tanh_gelu(chain("GELU"))))
    assert 1e-5 < np.abs(exact - fast).max() < 5e-4


def test_other_layers_stay_as_they_are():
    network = small_network()
    assert tanh_gelu(network).layers == network.layers
    assert tanh_gelu(Graph(())).layers == ()
