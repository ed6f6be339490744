"""GELU by its tanh form, 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), instead of by the error function.

Not exact, but close: nowhere do the two differ by more than 5e-4, far less than what int8 leaves, and it is
faster (docs/int8.md, "What a recipe does"). Source: Hendrycks and Gimpel, "Gaussian Error Linear Units",
2016.
"""

from dataclasses import replace

from zoo.ncnn.graph import Graph
from zoo.ncnn.param_ids import GELU


def tanh_gelu(graph: Graph) -> Graph:
    """The graph with every GELU in its tanh form. Layer names must be unique."""
    return graph.replace(
        *(replace(layer, params={**layer.params, GELU.FAST_GELU: 1}) for layer in graph.of_type("GELU"))
    )
