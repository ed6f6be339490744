"""A small transformer in ncnn, made by hand."""

import numpy as np

from samples.ncnn import layer, normal
from zoo.ncnn.graph import Graph

TOKENS, WIDTH = 12, 40


def network() -> Graph:
    """Rows -> norm, attention -> norm, Gemm, GELU, Gemm -> InnerProduct of rows -> mean -> InnerProduct."""
    draw = normal(0)

    def scaled(size: int) -> np.ndarray:
        return draw(size) / np.float32(WIDTH**0.5)

    def gemm(name: str, blob: str, to: str, width: int, outputs: int):
        return layer(
            "Gemm",
            name,
            blob,
            to,
            draw=scaled,
            trans_b=1,
            constant_b=1,
            constant_c=1,
            constant_n=outputs,
            constant_k=width,
            constant_broadcast_type_c=4,
        )

    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("LayerNorm", "norm1", "in0", "1", draw=draw, affine_size=WIDTH, eps=1e-6),
            layer(
                "MultiHeadAttention",
                "attention",
                "1",
                "2",
                draw=scaled,
                embed_dim=WIDTH,
                num_heads=2,
                weight_data_size=WIDTH**2,
            ),
            layer("LayerNorm", "norm2", "2", "3", draw=draw, affine_size=WIDTH, eps=1e-6),
            gemm("fc1", "3", "4", WIDTH, 4 * WIDTH),
            layer("GELU", "gelu", "4", "5"),
            gemm("fc2", "5", "6", 4 * WIDTH, WIDTH),
            layer(
                "InnerProduct",
                "rows",
                "6",
                "7",
                draw=scaled,
                num_output=WIDTH,
                bias_term=1,
                weight_data_size=WIDTH**2,
            ),
            # the mean of the rows
            layer("Reduction", "mean", "7", "8", operation=3, reduce_all=0, axes=(0,), keepdims=0, fixbug0=1),
            layer(
                "InnerProduct",
                "head",
                "8",
                "out0",
                draw=scaled,
                num_output=30,
                bias_term=1,
                weight_data_size=30 * WIDTH,
            ),
        )
    )
