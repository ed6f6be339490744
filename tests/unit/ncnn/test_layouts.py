"""The table of array layouts, held against the installed ncnn."""

import ncnn
import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.ncnn.bin import Storage
from zoo.ncnn.layer import Layer
from zoo.ncnn.layouts import LAYOUTS, TYPES, foreign, layout


class Recorder(ncnn.ModelBin):
    """Hands out arrays of ones, and remembers what was asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.given = []

    def load(self, size, kind):
        self.asked.append((size, kind))
        self.given.append(ncnn.Mat(size, elemsize=1 if kind == 8 else 4))
        np.asarray(self.given[-1])[:] = 1
        return self.given[-1]


CASES = [
    ("BatchNorm", {0: 6, 1: 1e-5}),
    ("Bias", {0: 6}),
    ("Convolution", {0: 4, 1: 3, 6: 108}),
    ("Convolution", {0: 4, 1: 3, 5: 1, 6: 108}),
    ("Convolution", {0: 4, 1: 3, 5: 1, 6: 108, 8: 2}),
    ("Convolution", {0: 4, 1: 3, 6: 108, 8: 102}),
    ("Convolution", {0: 4, 1: 3, 5: 1, 6: 108, 19: 1}),
    ("Convolution1D", {0: 4, 1: 3, 5: 1, 6: 36}),
    ("Convolution1D", {0: 4, 1: 3, 5: 1, 6: 36, 19: 1}),
    ("Convolution3D", {0: 4, 1: 2, 5: 1, 6: 96}),
    ("ConvolutionDepthWise", {0: 8, 1: 3, 5: 1, 6: 72, 7: 8}),
    ("ConvolutionDepthWise", {0: 8, 1: 3, 5: 1, 6: 144, 7: 4, 8: 1}),
    ("ConvolutionDepthWise", {0: 8, 1: 3, 5: 1, 6: 72, 7: 8, 8: 2}),
    ("ConvolutionDepthWise", {0: 8, 1: 3, 5: 1, 6: 72, 7: 8, 8: 101}),
    ("ConvolutionDepthWise", {0: 8, 1: 3, 5: 1, 6: 72, 7: 8, 8: 102}),
    ("ConvolutionDepthWise", {0: 8, 1: 3, 5: 1, 6: 72, 7: 8, 19: 1}),
    ("ConvolutionDepthWise1D", {0: 8, 1: 3, 5: 1, 6: 24, 7: 8}),
    ("ConvolutionDepthWise3D", {0: 8, 1: 2, 5: 1, 6: 64, 7: 8}),
    ("Deconvolution", {0: 4, 1: 3, 5: 1, 6: 108}),
    ("Deconvolution", {0: 4, 1: 3, 5: 1, 6: 108, 28: 1}),
    ("Deconvolution1D", {0: 4, 1: 3, 5: 1, 6: 36}),
    ("Deconvolution3D", {0: 4, 1: 2, 5: 1, 6: 96}),
    ("DeconvolutionDepthWise", {0: 8, 1: 3, 5: 1, 6: 72, 7: 8}),
    ("DeconvolutionDepthWise1D", {0: 8, 1: 3, 5: 1, 6: 24, 7: 8}),
    ("DeconvolutionDepthWise3D", {0: 8, 1: 2, 5: 1, 6: 64, 7: 8}),
    ("DeformableConv2D", {0: 4, 1: 3, 5: 1, 6: 108}),
    ("Dequantize", {}),
    ("Dequantize", {0: 6, 1: 6}),
    ("Embed", {0: 4, 1: 10, 2: 1, 3: 40}),
    ("Embed", {0: 4, 1: 10, 3: 40, 18: 2}),
    ("GRU", {0: 4, 1: 72, 2: 0}),
    ("GRU", {0: 4, 1: 144, 2: 2, 8: 2}),
    ("Gemm", {4: 1, 7: 3, 9: 5}),
    ("Gemm", {2: 1, 3: 1, 4: 1, 5: 1, 7: 3, 8: 4, 9: 5}),
    *(("Gemm", {3: 1, 5: 1, 6: 1, 7: 3, 8: 4, 9: 5, 10: kind}) for kind in (-1, 0, 1, 2, 3, 4)),
    ("Gemm", {3: 1, 4: 1, 5: 1, 6: 1, 7: 3, 8: 4, 9: 5, 10: 4, 18: 2}),
    *(("Gemm", {3: 1, 5: 1, 6: 1, 8: 4, 9: 70, 10: 4, 18: kind}) for kind in (800, 801, 802, 810, 812)),
    ("GroupNorm", {0: 2, 1: 6}),
    ("GroupNorm", {0: 2, 1: 6, 3: 0}),
    ("InnerProduct", {0: 4, 2: 24}),
    ("InnerProduct", {0: 4, 1: 1, 2: 24, 8: 2}),
    ("InstanceNorm", {0: 6}),
    ("InstanceNorm", {0: 6, 2: 0}),
    ("LSTM", {0: 4, 1: 96, 2: 0}),
    ("LSTM", {0: 4, 1: 288, 2: 2, 3: 6, 8: 2}),
    ("LayerNorm", {0: 6}),
    ("LayerNorm", {0: 6, 2: 0}),
    ("MemoryData", {}),
    ("MemoryData", {0: 5}),
    ("MemoryData", {0: 5, 1: 3}),
    ("MemoryData", {0: 5, 1: 3, 2: 2, 21: 0}),
    ("MemoryData", {0: 5, 1: 3, 2: 2, 11: 4, 21: 1}),
    ("MultiHeadAttention", {0: 8, 1: 2, 2: 64}),
    ("MultiHeadAttention", {0: 8, 1: 2, 2: 48, 3: 10, 4: 12, 18: 2}),
    *(("MultiHeadAttention", {0: 8, 1: 2, 2: 48, 3: 70, 4: 12, 18: kind}) for kind in (800, 811)),
    ("Normalize", {3: 6}),
    ("PReLU", {0: 6}),
    ("Padding", {}),
    ("Padding", {6: 6}),
    ("Quantize", {}),
    ("Quantize", {0: 6}),
    ("RMSNorm", {0: 6}),
    ("RMSNorm", {0: 6, 2: 0}),
    ("RNN", {0: 4, 1: 24, 2: 0}),
    ("RNN", {0: 4, 1: 48, 2: 2, 8: 2}),
    ("Requantize", {}),
    ("Requantize", {0: 6, 1: 6, 2: 6}),
    ("Scale", {0: 6}),
    ("Scale", {0: 6, 1: 1}),
    ("Scale", {0: -233, 1: 1}),
]


def created(kind, params):
    layer = ncnn.create_layer(kind)
    values = ncnn.ParamDict()
    for key, value in params.items():
        values.set(key, value)
    assert layer.load_param(values) == 0
    return layer


@pytest.mark.parametrize(("kind", "params"), CASES, ids=[f"{kind}-{params}" for kind, params in CASES])
def test_the_layout_is_what_ncnn_reads(kind, params):
    recorder = Recorder()
    assert created(kind, params).load_model(recorder) == 0
    untagged = {Storage.RAW: 1, Storage.RAW_INT8: 8}
    specs = layout(Layer(kind, "x", (), (), params))
    assert [(spec.size, 0 if spec.tagged else untagged[spec.untagged]) for spec in specs] == recorder.asked


def test_every_layout_is_compared_with_ncnn():
    assert {kind for kind, _ in CASES} == set(LAYOUTS)


@pytest.mark.parametrize("kind", sorted(TYPES - set(LAYOUTS)))
def test_other_types_read_nothing(kind):
    recorder = Recorder()
    assert ncnn.create_layer(kind).load_model(recorder) == 0
    assert recorder.asked == []


def test_ncnn_has_no_type_that_is_not_listed():
    every = [ncnn.create_layer(index) for index in range(200)]
    assert sum(layer is not None for layer in every) == len(TYPES)
    assert all(ncnn.create_layer(kind) is not None for kind in TYPES)


def test_foreign_types_are_counted():
    layers = [
        Layer(kind, "x", (), ()) for kind in ("aten::add", "ReLU", "pnnx.Expression", "aten::add", "Relu")
    ]
    assert foreign(layers) == {"aten::add": 2, "pnnx.Expression": 1, "Relu": 1}
    with pytest.raises(ZooError, match=r"layer x \(aten::add\): ncnn has no such layer type"):
        layout(layers[0])


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("Convolution", {0: 4, 1: 3}, "give weight a size of 0"),
        ("LayerNorm", {0: 0}, "give gamma a size of 0"),
        ("Convolution", {0: 4, 6: 1.5}, "parameter 6 is 1.5, not an integer"),
        ("Gemm", {3: 1, 5: 1, 8: 4, 9: 5, 18: 401}, r"block-quantized weights \(18=401\)"),
        ("Gemm", {3: 1, 5: 1, 8: 4, 9: 5, 18: 823}, r"block-quantized weights \(18=823\)"),
        ("MultiHeadAttention", {2: 64}, "embedding size, parameter 0"),
        ("MemoryData", {0: 5, 11: 2}, "give data a size of 0"),
    ],
)
def test_impossible_parameters_are_refused_by_name(kind, params, message):
    with pytest.raises(ZooError, match=rf"layer odd \({kind}\).*{message}"):
        layout(Layer(kind, "odd", (), (), params))
