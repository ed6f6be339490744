"""Group-wise weights in ncnn: a scale for so many weights of a row, and how QUANTIZE_TERM tells of them.

A term of bxy says: weights of b bits (4, 6 or 8), x is 1 if the layer's input has scales by channel, y is the
place in `BLOCK_SIZES`. Below 400 the weights are float or have a scale a row or a matrix. With 8 bits the
input is quantized as it comes, and the products are int8; with 4 and 6 bits all is computed in float, and a
Gemm takes and makes its rows as they are: neither is transposed.
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

BITS = (4, 6, 8)
"""How many a weight can have."""

_SINCE = (1, 0, 20261020)

_GROUP_WISE, _INPUT_SCALES = 400, 10
_BITS_OF_ROWS = (Gemm.TRANS_A, Gemm.OUTPUT_N1M, Gemm.OUTPUT_ELEMPACK, Gemm.OUTPUT_TRANSPOSE)


def is_read(by: str | None = None) -> bool:
    """Whether a version of ncnn, such as 1.0.20261020, reads such weights; by default that which is here."""
    numbers = (by or version("ncnn")).split(".")
    return tuple(int(each) for each in numbers if each.isdecimal()) >= _SINCE


def quantize_term(block: int, input_scales: bool, bits: int = 8) -> int:
    """The QUANTIZE_TERM of weights of `BITS` in blocks of a size of `BLOCK_SIZES`."""
    return 100 * bits + _INPUT_SCALES * input_scales + BLOCK_SIZES.index(block)


def block_size(layer: Layer) -> int:
    """The block size of a layer with group-wise weights; 0 if its weights are in another form.

    Raises ZooError for a term that ncnn does not have, and for 4 and 6 bits in a Gemm that transposes.
    """
    return _form(layer)[1]


def weight_bits(layer: Layer) -> int:
    """How many bits a weight of a layer with group-wise weights has; 0 if they are in another form.

    Raises what `block_size` raises.
    """
    return _form(layer)[0]


def has_input_scales(layer: Layer) -> bool:
    """Whether the input of a layer with group-wise weights has scales by channel."""
    return _form(layer)[2]


def _form(layer: Layer) -> tuple[int, int, bool]:
    """Bits, block size, and whether there are input scales; zeros without blocks."""
    term = layer.param(QUANTIZE_TERM)
    if term < _GROUP_WISE:
        return 0, 0, False
    terms = {
        quantize_term(size, scaled, bits): (bits, size, scaled)
        for bits in BITS
        for size in BLOCK_SIZES
        for scaled in (False, True)
    }
    if term not in terms:
        raise ZooError(f"{layer}: ncnn has no block-quantized weights of the term {QUANTIZE_TERM}={term}")
    if terms[term][0] != 8 and layer.type == "Gemm" and any(map(layer.param, _BITS_OF_ROWS)):
        raise ZooError(
            f"{layer}: with block-quantized weights of {terms[term][0]} bits ({QUANTIZE_TERM}={term}) ncnn "
            "reads and writes plain rows only"
        )
    return terms[term]
