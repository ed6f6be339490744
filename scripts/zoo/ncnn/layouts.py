"""Which types of layers exist, and which arrays each type has in the `.bin`.

The table restates `load_param` and `load_model` of every layer in ncnn's `src/layer/*.cpp`; a test asks
the installed ncnn the same questions.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from zoo.errors import ZooError
from zoo.ncnn.attention import key_dim, query_dim, value_dim
from zoo.ncnn.bin import Storage
from zoo.ncnn.group_wise import QUANTIZE_TERM, block_size, has_input_scales, weight_bits
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import (
    LSTM,
    RNN,
    BatchNorm,
    Bias,
    BroadcastTypeC,
    Convolution,
    ConvolutionDepthWise,
    Deconvolution,
    Dequantize,
    Direction,
    Embed,
    Gemm,
    GroupNorm,
    InnerProduct,
    InstanceNorm,
    Int8ScaleTerm,
    LayerNorm,
    LoadType,
    MemoryData,
    MultiHeadAttention,
    Normalize,
    Padding,
    PReLU,
    Quantizable,
    Quantize,
    Requantize,
    RMSNorm,
    Scale,
)
from zoo.ncnn.slots import (
    Slot,
    Term,
    always,
    equals,
    parameter,
    product,
    raw,
    raw_int8,
    raw_packed,
    tagged,
    unless,
    value,
)


class ArraySpec(NamedTuple):
    """One array a layer has in the `.bin`. untagged: how it is stored if it has no tag; width: how many
    numbers are in a row of one of 4 or 6 bits, else 0."""

    role: str
    size: int
    tagged: bool
    untagged: Storage = Storage.RAW
    width: int = 0


def _depthwise_scales(layer: Layer) -> int:
    by_group = (Int8ScaleTerm.BY_GROUP, Int8ScaleTerm.BY_GROUP + Int8ScaleTerm.REQUANTIZED)
    if layer.param(ConvolutionDepthWise.INT8_SCALE_TERM) in by_group:
        return layer.param(ConvolutionDepthWise.GROUP, 1)
    return 1


def _requantized(layer: Layer) -> int:
    return int(layer.param(Quantizable.INT8_SCALE_TERM) > Int8ScaleTerm.REQUANTIZED)


def _has_shape(layer: Layer) -> int:
    """Without any dimension ncnn makes one number and reads nothing."""
    return int(any(map(layer.param, (MemoryData.W, MemoryData.H, MemoryData.D, MemoryData.C))))


_TAGGED_DATA = equals(MemoryData.LOAD_TYPE, LoadType.TAGGED, default=LoadType.RAW)
_RAW_DATA = equals(MemoryData.LOAD_TYPE, LoadType.RAW, default=LoadType.RAW)


def _memory_size(layer: Layer) -> int:
    w, h, d, c = map(layer.param, (MemoryData.W, MemoryData.H, MemoryData.D, MemoryData.C))
    if d:
        return w * h * d * c
    return w * h * c if c else w * h if h else w


def _directions(layer: Layer) -> int:
    return 2 if layer.param(RNN.DIRECTION) == Direction.BOTH else 1


def _hidden(layer: Layer) -> int:
    return layer.param(LSTM.HIDDEN_SIZE, layer.param(LSTM.NUM_OUTPUT))


def _lstm_rows(layer: Layer) -> int:
    return _hidden(layer) * 4 * _directions(layer)


def _lstm_projects(layer: Layer) -> int:
    return int(layer.param(LSTM.NUM_OUTPUT) != _hidden(layer))


def _int8(layer: Layer) -> int:
    """Whether the layer is int8 with scales by row or for the whole matrix."""
    return int(not block_size(layer) and layer.param(QUANTIZE_TERM) != 0)


def _group_wise(layer: Layer) -> int:
    return int(block_size(layer) > 0)


def _not_group_wise(layer: Layer) -> int:
    return int(block_size(layer) == 0)


def _has_bits(bits: int) -> Term:
    """Whether the layer has group-wise weights of so many bits."""
    return lambda layer: int(weight_bits(layer) == bits)


def _matrix(role: str, rows: Term, width: Term, when: Term = always) -> tuple[Slot, ...]:
    """A weight matrix: with a tag, or group-wise, of 8, 6 or 4 bits without one."""
    size = product(rows, width)
    return (
        tagged(role, size, product(when, _not_group_wise)),
        raw_int8(role, size, product(when, _has_bits(8))),
        raw_packed(role, rows, width, Storage.RAW_INT6, product(when, _has_bits(6))),
        raw_packed(role, rows, width, Storage.RAW_INT4, product(when, _has_bits(4))),
    )


def _block_scales(role: str, rows: Term, width: Term) -> Slot:
    """One scale a row and block; the last block of a row may be short."""

    def blocks(layer: Layer) -> int:
        return -(-value(width, layer) // block_size(layer))

    return raw(role, product(rows, blocks), _group_wise)


def _recurrent(gates: int, biases: int) -> tuple[Slot, ...]:
    """RNN and GRU: what is read of the input and of the hidden state, per direction."""

    def rows(layer: Layer) -> int:
        return layer.param(RNN.NUM_OUTPUT) * gates * _directions(layer)

    return (
        tagged("weight_input", RNN.WEIGHT_DATA_SIZE),
        tagged("bias", lambda layer: layer.param(RNN.NUM_OUTPUT) * biases * _directions(layer)),
        tagged("weight_hidden", product(RNN.NUM_OUTPUT, rows)),
        raw("weight_input_scales", rows, when=RNN.INT8_SCALE_TERM),
        raw("weight_hidden_scales", rows, when=RNN.INT8_SCALE_TERM),
    )


def _gemm_c_size(layer: Layer) -> int:
    m, n = layer.param(Gemm.CONSTANT_M), layer.param(Gemm.CONSTANT_N)
    sizes = {
        BroadcastTypeC.SCALAR: 1,
        BroadcastTypeC.M: m,
        BroadcastTypeC.M_1: m,
        BroadcastTypeC.M_N: m * n,
        BroadcastTypeC.N: n,
    }
    return sizes[layer.param(Gemm.CONSTANT_BROADCAST_TYPE_C)]


def _gemm_has_c(layer: Layer) -> int:
    kind = layer.param(Gemm.CONSTANT_BROADCAST_TYPE_C)
    return int(layer.param(Gemm.CONSTANT_C) == 1 and BroadcastTypeC.SCALAR <= kind <= BroadcastTypeC.N)


def _own_scale(layer: Layer) -> int:
    return int(layer.param(Scale.SCALE_DATA_SIZE) != Scale.FROM_BLOB)


_CONVOLUTION = (  # of all kinds and dimensions
    tagged("weight", Convolution.WEIGHT_DATA_SIZE),
    raw("bias", Convolution.NUM_OUTPUT, when=Convolution.BIAS_TERM),
)
_CONVOLVED = unless(Convolution.DYNAMIC_WEIGHT, *_CONVOLUTION)
_DECONVOLVED = unless(Deconvolution.DYNAMIC_WEIGHT, *_CONVOLUTION)
_ACTIVATION_SCALE = raw("activation_scale", always, when=Quantizable.INT8_SCALE_TERM)


def _int8_convolution(weight_scales: Term) -> tuple[Slot, ...]:
    return unless(
        Convolution.DYNAMIC_WEIGHT,
        *_CONVOLUTION,
        raw("weight_scales", weight_scales, when=Convolution.INT8_SCALE_TERM),
        _ACTIVATION_SCALE,
        raw("top_scale", always, when=_requantized),
    )


def _affine(size: Term, affine: int) -> tuple[Slot, Slot]:
    """What a norm multiplies with and adds, where its parameter `affine` is not 0."""
    return raw("gamma", size, parameter(affine, 1)), raw("beta", size, parameter(affine, 1))


_CONSTANT_A, _CONSTANT_B = equals(Gemm.CONSTANT_A, 1), equals(Gemm.CONSTANT_B, 1)

LAYOUTS: Mapping[str, tuple[Slot, ...]] = {
    "BatchNorm": tuple(raw(role, BatchNorm.CHANNELS) for role in ("slope", "mean", "variance", "bias")),
    "Bias": (raw("bias", Bias.BIAS_DATA_SIZE),),
    "Convolution": _int8_convolution(Convolution.NUM_OUTPUT),
    "Convolution1D": _CONVOLVED,
    "Convolution3D": _CONVOLUTION,
    "ConvolutionDepthWise": _int8_convolution(_depthwise_scales),
    "ConvolutionDepthWise1D": _CONVOLVED,
    "ConvolutionDepthWise3D": _CONVOLUTION,
    "Deconvolution": _DECONVOLVED,
    "Deconvolution1D": _DECONVOLVED,
    "Deconvolution3D": _CONVOLUTION,
    "DeconvolutionDepthWise": _DECONVOLVED,
    "DeconvolutionDepthWise1D": _DECONVOLVED,
    "DeconvolutionDepthWise3D": _CONVOLUTION,
    "DeformableConv2D": _CONVOLUTION,
    "Dequantize": (
        raw("scales", parameter(Dequantize.SCALE_DATA_SIZE, 1)),
        raw("bias", Dequantize.BIAS_DATA_SIZE, when=Dequantize.BIAS_DATA_SIZE),
    ),
    "Embed": (
        tagged("weight", Embed.WEIGHT_DATA_SIZE),
        raw("bias", Embed.NUM_OUTPUT, when=Embed.BIAS_TERM),
        raw("weight_scales", always, when=Embed.INT8_SCALE_TERM),
    ),
    "GRU": _recurrent(gates=3, biases=4),
    "Gemm": (
        tagged("A", product(Gemm.CONSTANT_M, Gemm.CONSTANT_K), when=_CONSTANT_A),
        *_matrix("B", Gemm.CONSTANT_N, Gemm.CONSTANT_K, when=_CONSTANT_B),
        tagged("C", _gemm_c_size, when=_gemm_has_c),
        raw("A_scales", Gemm.CONSTANT_M, when=product(_int8, _CONSTANT_A)),
        raw("B_scales", always, when=product(_int8, _CONSTANT_B)),
        _block_scales("B_scales", Gemm.CONSTANT_N, Gemm.CONSTANT_K),
        raw("B_input_scales", Gemm.CONSTANT_K, when=has_input_scales),
    ),
    "GroupNorm": _affine(GroupNorm.CHANNELS, GroupNorm.AFFINE),
    "InnerProduct": (
        tagged("weight", InnerProduct.WEIGHT_DATA_SIZE),
        raw("bias", InnerProduct.NUM_OUTPUT, when=InnerProduct.BIAS_TERM),
        raw("weight_scales", InnerProduct.NUM_OUTPUT, when=InnerProduct.INT8_SCALE_TERM),
        _ACTIVATION_SCALE,
    ),
    "InstanceNorm": _affine(InstanceNorm.CHANNELS, InstanceNorm.AFFINE),
    "LSTM": (
        tagged("weight_input", LSTM.WEIGHT_DATA_SIZE),
        tagged("bias", _lstm_rows),
        tagged("weight_hidden", product(LSTM.NUM_OUTPUT, _lstm_rows)),
        tagged("weight_projection", product(_hidden, LSTM.NUM_OUTPUT, _directions), when=_lstm_projects),
        raw("weight_input_scales", _lstm_rows, when=LSTM.INT8_SCALE_TERM),
        raw("weight_hidden_scales", _lstm_rows, when=LSTM.INT8_SCALE_TERM),
    ),
    "LayerNorm": _affine(LayerNorm.AFFINE_SIZE, LayerNorm.AFFINE),
    "MemoryData": (
        tagged(
            "data",
            _memory_size,
            when=product(_has_shape, _TAGGED_DATA),
        ),
        raw(
            "data",
            _memory_size,
            when=product(_has_shape, _RAW_DATA),
        ),
    ),
    "MultiHeadAttention": (
        *_matrix("q_weight", MultiHeadAttention.EMBED_DIM, query_dim),
        raw("q_bias", MultiHeadAttention.EMBED_DIM),
        *_matrix("k_weight", MultiHeadAttention.EMBED_DIM, key_dim),
        raw("k_bias", MultiHeadAttention.EMBED_DIM),
        *_matrix("v_weight", MultiHeadAttention.EMBED_DIM, value_dim),
        raw("v_bias", MultiHeadAttention.EMBED_DIM),
        *_matrix("out_weight", query_dim, MultiHeadAttention.EMBED_DIM),
        raw("out_bias", query_dim),
        raw("q_scales", MultiHeadAttention.EMBED_DIM, when=_int8),
        raw("k_scales", MultiHeadAttention.EMBED_DIM, when=_int8),
        raw("v_scales", MultiHeadAttention.EMBED_DIM, when=_int8),
        raw("out_scales", always, when=_int8),
        _block_scales("q_scales", MultiHeadAttention.EMBED_DIM, query_dim),
        _block_scales("k_scales", MultiHeadAttention.EMBED_DIM, key_dim),
        _block_scales("v_scales", MultiHeadAttention.EMBED_DIM, value_dim),
        _block_scales("out_scales", query_dim, MultiHeadAttention.EMBED_DIM),
        raw("q_input_scales", query_dim, when=has_input_scales),
        raw("k_input_scales", key_dim, when=has_input_scales),
        raw("v_input_scales", value_dim, when=has_input_scales),
        raw("out_input_scales", MultiHeadAttention.EMBED_DIM, when=has_input_scales),
    ),
    "Normalize": (raw("scale", Normalize.SCALE_DATA_SIZE),),
    "PReLU": (raw("slope", PReLU.NUM_SLOPE),),
    "Padding": (raw("value", Padding.PER_CHANNEL_PAD_DATA_SIZE, when=Padding.PER_CHANNEL_PAD_DATA_SIZE),),
    "Quantize": (raw("scales", parameter(Quantize.SCALE_DATA_SIZE, 1)),),
    "RMSNorm": _affine(RMSNorm.AFFINE_SIZE, RMSNorm.AFFINE)[:1],
    "RNN": _recurrent(gates=1, biases=1),
    "Requantize": (
        raw("scales_in", parameter(Requantize.SCALE_IN_DATA_SIZE, 1)),
        raw("scales_out", parameter(Requantize.SCALE_OUT_DATA_SIZE, 1)),
        raw("bias", Requantize.BIAS_DATA_SIZE, when=Requantize.BIAS_DATA_SIZE),
    ),
    "Scale": (
        raw("scale", Scale.SCALE_DATA_SIZE, when=_own_scale),
        raw("bias", Scale.SCALE_DATA_SIZE, when=product(_own_scale, Scale.BIAS_TERM)),
    ),
}

_WITHOUT_ARRAYS = """
    AbsVal BNLL BinaryOp CELU Cast Clip Concat CopyTo Crop CumulativeSum DeepCopy DetectionOutput Diag
    Dropout ELU Einsum Eltwise Erf Exp ExpandDims Flatten Flip Fold GELU GLU GridSample HardSigmoid
    HardSwish Input Interp InverseSpectrogram LRN Log MVN MatMul Mish Noop PSROIPooling Packing Permute
    PixelShuffle Pooling Pooling1D Pooling3D Power PriorBox Proposal ROIAlign ROIPooling ReLU Reduction
    Reorg Reshape RotaryEmbed SDPA SELU ShuffleChannel Shrink Sigmoid Slice Softmax Softplus Spectrogram
    Split Squeeze StatisticsPooling Swish TanH Threshold Tile UnaryOp Unfold Yolov3DetectionOutput
    YoloDetectionOutput
"""

TYPES = frozenset(LAYOUTS) | frozenset(_WITHOUT_ARRAYS.split())
"""Every layer type that ncnn 1.0.20261020 can create."""


def layout(layer: Layer) -> list[ArraySpec]:
    """The arrays of this layer in the order of the `.bin`.

    Raises ZooError for a type that ncnn does not have, and for a size that is not positive.
    """
    if layer.type not in TYPES:
        raise ZooError(f"{layer}: ncnn has no such layer type")
    specs = [
        ArraySpec(
            slot.role,
            value(slot.size, layer),
            slot.tagged,
            slot.untagged,
            0 if slot.width is None else value(slot.width, layer),
        )
        for slot in LAYOUTS.get(layer.type, ())
        if value(slot.when, layer)
    ]
    for spec in specs:
        if spec.size < 1:
            raise ZooError(f"{layer}: its parameters give {spec.role} a size of {spec.size}")
    return specs


def foreign(layers: Iterable[Layer]) -> Counter[str]:
    """How often each layer type appears that ncnn does not have (`aten::…`, `pnnx.…`, misspelt ones)."""
    return Counter(layer.type for layer in layers if layer.type not in TYPES)
