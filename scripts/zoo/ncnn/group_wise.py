"""Group-wise int8 weights in ncnn: a scale for so many weights of a row, and how QUANTIZE_TERM tells of them.

A term of 8xy says: int8, x is 1 if the layer's input has scales by channel, y is the place in `BLOCK_SIZES`.
Below 400 the weights are float or have a scale a row or a matrix; 4xy and 6xy are int4 and int6.
Format: ncnn `src/layer/gemm.cpp` and `multiheadattention.cpp`, load_param.
"""

from importlib.metadata import version

from zoo.errors import ZooError
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Gemm

QUANTIZE_TERM = Gemm.QUANTIZE_TERM
"""The same id in a MultiHeadAttention."""

BLOCK_SIZES = (32, 64, 128)
"""How many weights of a row can have a scale in common."""

_SINCE = (1, 0, 20261020)

_GROUP_WISE, _INT8, _INPUT_SCALES = 400, 800, 10


def is_read(by: str | None = None) -> bool:
    """Whether a version of ncnn, such as 1.0.20261020, reads such weights; by default that which is here."""
    numbers = (by or version("ncnn")).split(".")
    return tuple(int(each) for each in numbers if each.isdecimal()) >= _SINCE


def quantize_term(block: int, input_scales: bool) -> int:
    """The QUANTIZE_TERM of int8 weights in blocks of a size of `BLOCK_SIZES`."""
    return _INT8 + _INPUT_SCALES * input_scales + BLOCK_SIZES.index(block)


def block_size(layer: Layer) -> int:
    """The block size of a layer with group-wise int8 weights; 0 if its weights are in another form.

    Raises ZooError for weights of 4 and 6 bits.
    """
    term = layer.param(QUANTIZE_TERM)
    if term < _GROUP_WISE:
        return 0
    terms = {quantize_term(size, scaled): size for size in BLOCK_SIZES for scaled in (False, True)}
    if term not in terms:
        raise ZooError(
            f"{layer}: block-quantized weights ({QUANTIZE_TERM}={term}) are not supported, "
            "only those of 8 bits"
        )
    return terms[term]


def has_input_scales(layer: Layer) -> bool:
    """Whether the input of a layer with group-wise weights has scales by channel."""
    size = block_size(layer)
    return size > 0 and layer.param(QUANTIZE_TERM) == quantize_term(size, True)
