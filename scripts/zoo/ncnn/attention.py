"""What the parameters of a MultiHeadAttention say. Source: ncnn `src/layer/multiheadattention.cpp`."""

from zoo.errors import ZooError
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import MultiHeadAttention


def query_dim(layer: Layer) -> int:
    """Features of a row of queries, and of the layer's output. Raises ZooError without an embedding size."""
    embed_dim = layer.param(MultiHeadAttention.EMBED_DIM)
    if embed_dim < 1:
        raise ZooError(f"{layer}: its embedding size, parameter 0, must be above 0")
    return layer.param(MultiHeadAttention.WEIGHT_DATA_SIZE) // embed_dim


def key_dim(layer: Layer) -> int:
    """Features of a row of keys."""
    return layer.param(MultiHeadAttention.KDIM, layer.param(MultiHeadAttention.EMBED_DIM))


def value_dim(layer: Layer) -> int:
    """Features of a row of values."""
    return layer.param(MultiHeadAttention.VDIM, layer.param(MultiHeadAttention.EMBED_DIM))


def is_self_attention(layer: Layer) -> bool:
    """Whether a layer is attention whose queries, keys and values are projections of one blob.

    A mask is another input; with KV_CACHE the caller keeps keys and values.
    """
    return (
        layer.type == "MultiHeadAttention"
        and not layer.param(MultiHeadAttention.KV_CACHE)
        and len(layer.inputs) == 1 + bool(layer.param(MultiHeadAttention.ATTN_MASK))
        and query_dim(layer) == key_dim(layer) == value_dim(layer)
    )
