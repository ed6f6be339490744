"""How close two tensors, or two sets of logits, are."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

MAX_DB = 200.0
"""Beyond what float32 can tell apart (its rounding noise lies near -150 dB); JSON has no infinity."""


def cosine(reference: Array, other: Array) -> float:
    """Cosine similarity of two arrays taken as vectors, in float64.

    Two zero vectors agree (1.0); one zero vector against another agrees with nothing (0.0).
    Not-a-number anywhere gives 0.0, so that no gate lets it pass.
    """
    a, b = _flat(reference), _flat(other)
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    if norms == 0:
        return float(not a.any() and not b.any())
    value = float(a @ b) / norms
    return min(1.0, value) if np.isfinite(value) else 0.0


def sqnr_db(reference: Array, other: Array) -> float:
    """Signal to quantization noise ratio in dB: 10 log10(sum reference^2 / sum (reference - other)^2).

    Limited to ±MAX_DB, which stand for equal arrays and for not-a-number.
    """
    a, b = _flat(reference), _flat(other)
    return ratio_db(float(np.sum(a**2)), float(np.sum((a - b) ** 2)))


def ratio_db(signal: float, noise: float) -> float:
    """10 log10(signal / noise) of two energies, limited to ±MAX_DB."""
    if not np.isfinite(signal) or not np.isfinite(noise) or (noise and not signal):
        return -MAX_DB
    return MAX_DB if noise == 0 else float(np.clip(10 * np.log10(signal / noise), -MAX_DB, MAX_DB))


def max_abs_error(reference: Array, other: Array) -> float:
    """Largest absolute difference, in the arrays' own unit."""
    return float(np.max(np.abs(_flat(reference) - _flat(other)), initial=0.0))


def top1_agreement(reference: Array, other: Array) -> float:
    """Share (0 to 1) of rows of two (images, classes) arrays with the same largest entry.

    Of one score, 0 to 1, a row, the share with the same decision: whether it is at least a half.
    """
    if reference.shape[1] == 1:
        return float(np.mean((reference >= 0.5) == (other >= 0.5)))
    return float(np.mean(np.argmax(reference, axis=1) == np.argmax(other, axis=1)))


def topk_accuracy(logits: Array, labels: NDArray[np.integer], k: int) -> float:
    """Share (0 to 1) of the rows of (images, classes) whose label is among the k largest entries."""
    best = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return float(np.mean(np.any(best == labels[:, None], axis=1)))


def _flat(array: Array) -> NDArray[np.float64]:
    return np.asarray(array, dtype=np.float64).ravel()
