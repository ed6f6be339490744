"""The table of array layouts, held against the installed ncnn."""

import ncnn
import numpy as np
import pytest

from samples.ncnn import parameters
from zoo.errors import ZooError
from zoo.ncnn.bin import Storage, packed_bytes
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
        self.given.append(ncnn.Mat(size, elemsize=1 if kind in (4, 6, 8) else 4))
        np.asarray(self.given[-1])[:] = 1
        return self.given[-1]


def case(kind, **named):
    return kind, parameters(kind, **named) if named else {}


CASES = [
    case("BatchNorm", channels=6, eps=1e-5),
    case("Bias", bias_data_size=6),
    case("Convolution", num_output=4, kernel_w=3, weight_data_size=108),
    case("Convolution", num_output=4, kernel_w=3, bias_term=1, weight_data_size=108),
    case("Convolution", num_output=4, kernel_w=3, bias_term=1, weight_data_size=108, int8_scale_term=2),
    case("Convolution", num_output=4, kernel_w=3, weight_data_size=108, int8_scale_term=102),
    case("Convolution", num_output=4, kernel_w=3, bias_term=1, weight_data_size=108, dynamic_weight=1),
    case("Convolution1D", num_output=4, kernel_w=3, bias_term=1, weight_data_size=36),
    case("Convolution1D", num_output=4, kernel_w=3, bias_term=1, weight_data_size=36, dynamic_weight=1),
    case("Convolution3D", num_output=4, kernel_w=2, bias_term=1, weight_data_size=96),
    case("ConvolutionDepthWise", num_output=8, kernel_w=3, bias_term=1, weight_data_size=72, group=8),
    case(
        "ConvolutionDepthWise",
        num_output=8,
        kernel_w=3,
        bias_term=1,
        weight_data_size=144,
        group=4,
        int8_scale_term=1,
    ),
    case(
        "ConvolutionDepthWise",
        num_output=8,
        kernel_w=3,
        bias_term=1,
        weight_data_size=72,
        group=8,
        int8_scale_term=2,
    ),
    case(
        "ConvolutionDepthWise",
        num_output=8,
        kernel_w=3,
        bias_term=1,
        weight_data_size=72,
        group=8,
        int8_scale_term=101,
    ),
    case(
        "ConvolutionDepthWise",
        num_output=8,
        kernel_w=3,
        bias_term=1,
        weight_data_size=72,
        group=8,
        int8_scale_term=102,
    ),
    case(
        "ConvolutionDepthWise",
        num_output=8,
        kernel_w=3,
        bias_term=1,
        weight_data_size=72,
        group=8,
        dynamic_weight=1,
    ),
    case("ConvolutionDepthWise1D", num_output=8, kernel_w=3, bias_term=1, weight_data_size=24, group=8),
    case("ConvolutionDepthWise3D", num_output=8, kernel_w=2, bias_term=1, weight_data_size=64, group=8),
    case("Deconvolution", num_output=4, kernel_w=3, bias_term=1, weight_data_size=108),
    case("Deconvolution", num_output=4, kernel_w=3, bias_term=1, weight_data_size=108, dynamic_weight=1),
    case("Deconvolution1D", num_output=4, kernel_w=3, bias_term=1, weight_data_size=36),
    case("Deconvolution3D", num_output=4, kernel_w=2, bias_term=1, weight_data_size=96),
    case("DeconvolutionDepthWise", num_output=8, kernel_w=3, bias_term=1, weight_data_size=72, group=8),
    case("DeconvolutionDepthWise1D", num_output=8, kernel_w=3, bias_term=1, weight_data_size=24, group=8),
    case("DeconvolutionDepthWise3D", num_output=8, kernel_w=2, bias_term=1, weight_data_size=64, group=8),
    case("DeformableConv2D", num_output=4, kernel_w=3, bias_term=1, weight_data_size=108),
    case("Dequantize"),
    case("Dequantize", scale_data_size=6, bias_data_size=6),
    case("Embed", num_output=4, input_dim=10, bias_term=1, weight_data_size=40),
    case("Embed", num_output=4, input_dim=10, weight_data_size=40, int8_scale_term=2),
    case("GRU", num_output=4, weight_data_size=72, direction=0),
    case("GRU", num_output=4, weight_data_size=144, direction=2, int8_scale_term=2),
    case("Gemm", constant_a=1, constant_m=3, constant_k=5),
    case("Gemm", trans_a=1, trans_b=1, constant_a=1, constant_b=1, constant_m=3, constant_n=4, constant_k=5),
    *(
        case(
            "Gemm",
            trans_b=1,
            constant_b=1,
            constant_c=1,
            constant_m=3,
            constant_n=4,
            constant_k=5,
            constant_broadcast_type_c=kind,
        )
        for kind in (-1, 0, 1, 2, 3, 4)
    ),
    case(
        "Gemm",
        trans_b=1,
        constant_a=1,
        constant_b=1,
        constant_c=1,
        constant_m=3,
        constant_n=4,
        constant_k=5,
        constant_broadcast_type_c=4,
        quantize_term=2,
    ),
    *(
        case(
            "Gemm",
            trans_b=1,
            constant_b=1,
            constant_c=1,
            constant_n=4,
            constant_k=70,
            constant_broadcast_type_c=4,
            quantize_term=kind,
        )
        for kind in (800, 801, 802, 810, 812, 400, 412, 602, 611)
    ),
    case("GroupNorm", group=2, channels=6),
    case("GroupNorm", group=2, channels=6, affine=0),
    case("InnerProduct", num_output=4, weight_data_size=24),
    case("InnerProduct", num_output=4, bias_term=1, weight_data_size=24, int8_scale_term=2),
    case("InstanceNorm", channels=6),
    case("InstanceNorm", channels=6, affine=0),
    case("LSTM", num_output=4, weight_data_size=96, direction=0),
    case("LSTM", num_output=4, weight_data_size=288, direction=2, hidden_size=6, int8_scale_term=2),
    case("LayerNorm", affine_size=6),
    case("LayerNorm", affine_size=6, affine=0),
    case("MemoryData"),
    case("MemoryData", w=5),
    case("MemoryData", w=5, h=3),
    case("MemoryData", w=5, h=3, c=2, load_type=0),
    case("MemoryData", w=5, h=3, c=2, d=4, load_type=1),
    case("MultiHeadAttention", embed_dim=8, num_heads=2, weight_data_size=64),
    case(
        "MultiHeadAttention", embed_dim=8, num_heads=2, weight_data_size=48, kdim=10, vdim=12, quantize_term=2
    ),
    *(
        case(
            "MultiHeadAttention",
            embed_dim=8,
            num_heads=2,
            weight_data_size=48,
            kdim=70,
            vdim=12,
            quantize_term=kind,
        )
        for kind in (800, 811, 401, 610)
    ),
    case("Normalize", scale_data_size=6),
    case("PReLU", num_slope=6),
    case("Padding"),
    case("Padding", per_channel_pad_data_size=6),
    case("Quantize"),
    case("Quantize", scale_data_size=6),
    case("RMSNorm", affine_size=6),
    case("RMSNorm", affine_size=6, affine=0),
    case("RNN", num_output=4, weight_data_size=24, direction=0),
    case("RNN", num_output=4, weight_data_size=48, direction=2, int8_scale_term=2),
    case("Requantize"),
    case("Requantize", scale_in_data_size=6, scale_out_data_size=6, bias_data_size=6),
    case("Scale", scale_data_size=6),
    case("Scale", scale_data_size=6, bias_term=1),
    case("Scale", scale_data_size=-233, bias_term=1),
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
    untagged = {Storage.RAW: 1, Storage.RAW_INT8: 8, Storage.RAW_INT6: 6, Storage.RAW_INT4: 4}
    specs = layout(Layer(kind, "x", (), (), params))

    def size(spec):
        bits = spec.untagged.packed_bits
        return spec.size // spec.width * packed_bytes(spec.width, bits) if bits else spec.size

    assert [(size(spec), 0 if spec.tagged else untagged[spec.untagged]) for spec in specs] == recorder.asked


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
        ("Convolution", parameters("Convolution", num_output=4, kernel_w=3), "give weight a size of 0"),
        ("LayerNorm", parameters("LayerNorm", affine_size=0), "give gamma a size of 0"),
        (
            "Convolution",
            parameters("Convolution", num_output=4, weight_data_size=1.5),
            "parameter 6 is 1.5, not an integer",
        ),
        (
            "Gemm",
            parameters("Gemm", trans_b=1, constant_b=1, constant_n=4, constant_k=5, quantize_term=403),
            r"ncnn has no block-quantized weights of the term 18=403",
        ),
        (
            "Gemm",
            parameters("Gemm", trans_b=1, constant_b=1, constant_n=4, constant_k=5, quantize_term=823),
            r"ncnn has no block-quantized weights of the term 18=823",
        ),
        (
            "Gemm",
            parameters(
                "Gemm",
                trans_b=1,
                constant_b=1,
                constant_n=4,
                constant_k=5,
                output_transpose=1,
                quantize_term=601,
            ),
            r"weights of 6 bits \(18=601\) ncnn reads and writes plain rows only",
        ),
        (
            "MultiHeadAttention",
            parameters("MultiHeadAttention", weight_data_size=64),
            "embedding size, parameter 0",
        ),
        ("MemoryData", parameters("MemoryData", w=5, d=2), "give data a size of 0"),
    ],
)
def test_impossible_parameters_are_refused_by_name(kind, params, message):
    with pytest.raises(ZooError, match=rf"layer odd \({kind}\).*{message}"):
        layout(Layer(kind, "odd", (), (), params))
