"""How far a layer's output is from that of the same layer in another file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerDifference:
    """A layer's output against fp32: the worst image's cosine, and SQNR in dB over all images.

    peak: its largest absolute value in fp32.
    """

    layer: str
    type: str
    blob: str
    cosine: float
    sqnr_db: float
    peak: float
