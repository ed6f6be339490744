"""What a layer of an ncnn graph is, which types exist, and which arrays each type has in the `.bin`.

The table restates `load_param` and `load_model` of every layer in ncnn's `src/layer/*.cpp`; a test asks
the installed ncnn the same questions.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from zoo.errors import ZooError
from zoo.ncnn.bin import Storage
from zoo.ncnn.layer import Layer


class ArraySpec(NamedTuple):
    """One array a layer has in the `.bin`. untagged: how it is stored if it has no tag."""

    role: str
    size: int
    tagged: bool
    untagged: Storage = Storage.RAW


# A term of the table: the integer parameter of that id (0 if missing), or a function of the layer.
Term = int | Callable[[Layer], int]


class _Slot(NamedTuple):
    role: str
    size: Term
    tagged: bool
    when: Term
    untagged: Storage = Storage.RAW


def _always(_: Layer) -> int:
    return 1


def _tagged(role: str, size: Term, when: Term = _always) -> _Slot:
    return _Slot(role, size, True, when)


def _raw(role: str, size: Term, when: Term = _always) -> _Slot:
    return _Slot(role, size, False, when)


def _param(key: int, default: int) -> Term:
    """The integer parameter `key` where ncnn's default is not 0."""
    return lambda layer: layer.param(key, default)


def _static(key: int, *slots: _Slot) -> tuple[_Slot, ...]:
    """No array at all if parameter `key` says that weights come in as blobs."""

    def guarded(slot: _Slot) -> _Slot:
        return slot._replace(when=lambda layer: 0 if layer.param(key) else _value(slot.when, layer))

    return tuple(guarded(slot) for slot in slots)


def _value(term: Term, layer: Layer) -> int:
    return term(layer) if callable(term) else layer.param(term)


def _depthwise_scales(layer: Layer) -> int:
    return layer.param(7, 1) if layer.param(8) in (1, 101) else 1


def _has_shape(layer: Layer) -> bool:
    return any(layer.param(key) for key in (0, 1, 2, 11))


def _memory_size(layer: Layer) -> int:
    w, h, d, c = (layer.param(key) for key in (0, 1, 11, 2))
    if d:
        return w * h * d * c
    return w * h * c if c else w * h if h else w


def _directions(layer: Layer) -> int:
    return 2 if layer.param(2) == 2 else 1


def _hidden(layer: Layer) -> int:
    return layer.param(3, layer.param(0))


def _query_dim(layer: Layer) -> int:
    if layer.param(0) < 1:
        raise ZooError(f"{layer}: its embedding size, parameter 0, must be above 0")
    return layer.param(2) // layer.param(0)


def _key_dim(layer: Layer) -> int:
    return layer.param(3, layer.param(0))


def _value_dim(layer: Layer) -> int:
    return layer.param(4, layer.param(0))


BLOCK_SIZES = (32, 64, 128)
"""How many weights can have a scale in common where parameter 18 is 800, 801, 802, or 10 more than that."""


def block_size(layer: Layer) -> int:
    """The block size of a layer with int8 weights in blocks; 0 if its weights are in another form.

    Raises ZooError for blocks of 4 and 6 bits.
    """
    term = layer.param(18)
    if term < 400:
        return 0
    if term // 100 != 8 or term // 10 % 10 > 1 or term % 10 >= len(BLOCK_SIZES):
        raise ZooError(
            f"{layer}: block-quantized weights (18={term}) are not supported, only those of 8 bits"
        )
    return BLOCK_SIZES[term % 10]


def _plain_int8(layer: Layer) -> int:
    """Whether the layer is int8 with scales by row or for the whole matrix."""
    return 0 if block_size(layer) else layer.param(18)


def _block_int8(layer: Layer) -> int:
    return int(block_size(layer) > 0)


def _not_block_int8(layer: Layer) -> int:
    return int(block_size(layer) == 0)


def _input_scaled(layer: Layer) -> int:
    """Whether the input of a layer with weights in blocks has scales by channel: the tens of parameter 18."""
    return int(block_size(layer) > 0 and layer.param(18) // 10 % 10 == 1)


def _matrix(role: str, rows: Term, width: Term, when: Term = _always) -> tuple[_Slot, _Slot]:
    """A weight matrix: with a tag, or in blocks, int8 without one."""

    def size(layer: Layer) -> int:
        return _value(rows, layer) * _value(width, layer)

    def both(form: Callable[[Layer], int]) -> Term:
        return lambda layer: int(bool(_value(when, layer)) and bool(form(layer)))

    return (
        _tagged(role, size, both(_not_block_int8)),
        _Slot(role, size, False, both(_block_int8), Storage.RAW_INT8),
    )


def _block_scales(role: str, rows: Term, width: Term) -> _Slot:
    """One scale a row and block; the last block of a row may be short."""

    def size(layer: Layer) -> int:
        return _value(rows, layer) * -(-_value(width, layer) // block_size(layer))

    return _raw(role, size, _block_int8)


def _recurrent(gates: int, biases: int) -> tuple[_Slot, ...]:
    """RNN and GRU: what is read of the input and of the hidden state, per direction."""

    def rows(layer: Layer) -> int:
        return layer.param(0) * gates * _directions(layer)

    return (
        _tagged("weight_input", 1),
        _tagged("bias", lambda layer: layer.param(0) * biases * _directions(layer)),
        _tagged("weight_hidden", lambda layer: layer.param(0) * rows(layer)),
        _raw("weight_input_scales", rows, when=8),
        _raw("weight_hidden_scales", rows, when=8),
    )


def _lstm_rows(layer: Layer) -> int:
    return _hidden(layer) * 4 * _directions(layer)


_TOP_SCALE = _raw("top_scale", _always, when=lambda layer: layer.param(8) > 100)
_CONVOLUTION = (_tagged("weight", 6), _raw("bias", 0, when=5))
_AFFINE = (_raw("gamma", 0, when=_param(2, 1)), _raw("beta", 0, when=_param(2, 1)))

LAYOUTS: Mapping[str, tuple[_Slot, ...]] = {
    "BatchNorm": (_raw("slope", 0), _raw("mean", 0), _raw("variance", 0), _raw("bias", 0)),
    "Bias": (_raw("bias", 0),),
    "Convolution": _static(
        19,
        *_CONVOLUTION,
        _raw("weight_scales", 0, when=8),
        _raw("activation_scale", _always, when=8),
        _TOP_SCALE,
    ),
    "Convolution1D": _static(19, *_CONVOLUTION),
    "Convolution3D": _CONVOLUTION,
    "ConvolutionDepthWise": _static(
        19,
        *_CONVOLUTION,
        _raw("weight_scales", _depthwise_scales, when=8),
        _raw("activation_scale", _always, when=8),
        _TOP_SCALE,
    ),
    "ConvolutionDepthWise1D": _static(19, *_CONVOLUTION),
    "ConvolutionDepthWise3D": _CONVOLUTION,
    "Deconvolution": _static(28, *_CONVOLUTION),
    "Deconvolution1D": _static(28, *_CONVOLUTION),
    "Deconvolution3D": _CONVOLUTION,
    "DeconvolutionDepthWise": _static(28, *_CONVOLUTION),
    "DeconvolutionDepthWise1D": _static(28, *_CONVOLUTION),
    "DeconvolutionDepthWise3D": _CONVOLUTION,
    "DeformableConv2D": _CONVOLUTION,
    "Dequantize": (_raw("scales", _param(0, 1)), _raw("bias", 1, when=1)),
    "Embed": (_tagged("weight", 3), _raw("bias", 0, when=2), _raw("weight_scales", _always, when=18)),
    "GRU": _recurrent(gates=3, biases=4),
    "Gemm": (
        _tagged("A", lambda layer: layer.param(7) * layer.param(9), when=lambda layer: layer.param(4) == 1),
        *_matrix("B", 8, 9, when=lambda layer: layer.param(5) == 1),
        _tagged(
            "C",
            # scalar, row of M, column of M, M x N, row of N
            lambda layer: (
                1,
                layer.param(7),
                layer.param(7),
                layer.param(7) * layer.param(8),
                layer.param(8),
            )[layer.param(10)],
            when=lambda layer: layer.param(6) == 1 and 0 <= layer.param(10) <= 4,
        ),
        _raw("A_scales", 7, when=lambda layer: bool(_plain_int8(layer)) and layer.param(4) == 1),
        _raw("B_scales", _always, when=lambda layer: bool(_plain_int8(layer)) and layer.param(5) == 1),
        _block_scales("B_scales", 8, 9),
        _raw("B_input_scales", 9, when=_input_scaled),
    ),
    "GroupNorm": (_raw("gamma", 1, when=_param(3, 1)), _raw("beta", 1, when=_param(3, 1))),
    "InnerProduct": (
        _tagged("weight", 2),
        _raw("bias", 0, when=1),
        _raw("weight_scales", 0, when=8),
        _raw("activation_scale", _always, when=8),
    ),
    "InstanceNorm": _AFFINE,
    "LSTM": (
        _tagged("weight_input", 1),
        _tagged("bias", _lstm_rows),
        _tagged("weight_hidden", lambda layer: layer.param(0) * _lstm_rows(layer)),
        _tagged(
            "weight_projection",
            lambda layer: _hidden(layer) * layer.param(0) * _directions(layer),
            when=lambda layer: layer.param(0) != _hidden(layer),
        ),
        _raw("weight_input_scales", _lstm_rows, when=8),
        _raw("weight_hidden_scales", _lstm_rows, when=8),
    ),
    "LayerNorm": _AFFINE,
    "MemoryData": (
        # without any dimension ncnn makes one number and reads nothing
        _tagged("data", _memory_size, when=lambda layer: _has_shape(layer) and layer.param(21, 1) == 0),
        _raw("data", _memory_size, when=lambda layer: _has_shape(layer) and layer.param(21, 1) == 1),
    ),
    "MultiHeadAttention": (
        *_matrix("q_weight", 0, _query_dim),
        _raw("q_bias", 0),
        *_matrix("k_weight", 0, _key_dim),
        _raw("k_bias", 0),
        *_matrix("v_weight", 0, _value_dim),
        _raw("v_bias", 0),
        *_matrix("out_weight", _query_dim, 0),
        _raw("out_bias", _query_dim),
        _raw("q_scales", 0, when=_plain_int8),
        _raw("k_scales", 0, when=_plain_int8),
        _raw("v_scales", 0, when=_plain_int8),
        _raw("out_scales", _always, when=_plain_int8),
        _block_scales("q_scales", 0, _query_dim),
        _block_scales("k_scales", 0, _key_dim),
        _block_scales("v_scales", 0, _value_dim),
        _block_scales("out_scales", _query_dim, 0),
        _raw("q_input_scales", _query_dim, when=_input_scaled),
        _raw("k_input_scales", _key_dim, when=_input_scaled),
        _raw("v_input_scales", _value_dim, when=_input_scaled),
        _raw("out_input_scales", 0, when=_input_scaled),
    ),
    "Normalize": (_raw("scale", 3),),
    "PReLU": (_raw("slope", 0),),
    "Padding": (_raw("value", 6, when=6),),
    "Quantize": (_raw("scales", _param(0, 1)),),
    "RMSNorm": _AFFINE[:1],
    "RNN": _recurrent(gates=1, biases=1),
    "Requantize": (
        _raw("scales_in", _param(0, 1)),
        _raw("scales_out", _param(1, 1)),
        _raw("bias", 2, when=2),
    ),
    "Scale": (
        # -233: the scale comes in as a blob
        _raw("scale", 0, when=lambda layer: layer.param(0) != -233),
        _raw("bias", 0, when=lambda layer: layer.param(0) != -233 and layer.param(1)),
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
        ArraySpec(slot.role, _value(slot.size, layer), slot.tagged, slot.untagged)
        for slot in LAYOUTS.get(layer.type, ())
        if _value(slot.when, layer)
    ]
    for spec in specs:
        if spec.size < 1:
            raise ZooError(f"{layer}: its parameters give {spec.role} a size of {spec.size}")
    return specs


def is_self_attention(layer: Layer) -> bool:
    """Whether a layer is attention whose queries, keys and values are projections of one blob.

    5: a mask is another input; 7: keys and values that the caller keeps.
    """
    return (
        layer.type == "MultiHeadAttention"
        and not layer.param(7)
        and len(layer.inputs) == 1 + bool(layer.param(5))
        and _query_dim(layer) == _key_dim(layer) == _value_dim(layer)
    )


def foreign(layers: Iterable[Layer]) -> Counter[str]:
    """How often each layer type appears that ncnn does not have (`aten::…`, `pnnx.…`, misspelt ones)."""
    return Counter(layer.type for layer in layers if layer.type not in TYPES)
