"""What is tried before an artifact is served: that it runs, whether batches pay, that the port is free."""

import socket
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.config.records.card import ModelCard
from zoo.errors import ArtifactError, ZooError
from zoo.predict import Predictor
from zoo.runners.artifact import Artifact

TRIED = 8
"""How many images are tried together."""
WORTH_IT = 1.1
"""The gain below which images are not taken together: each would wait for the slowest, for nothing."""


@dataclass(frozen=True)
class Probed:
    """What a trial tells of an artifact: its runtime, and the gain of batches (see `batching_gain`)."""

    runtime: dict[str, Any]
    gain: float | None

    @property
    def max_batch(self) -> int:
        """How many images should be taken together."""
        return TRIED if self.gain is not None and self.gain >= WORTH_IT else 1


def probe(artifact: Artifact, card: ModelCard, threads: int) -> Probed:
    """Load an artifact and try it. Raises ZooError if it cannot be loaded or run."""
    predictor = Predictor(artifact, card, threads)
    height, width = predictor.size
    predictor.outputs(predictor.inputs(np.zeros((height, width, 3), np.uint8)))
    return Probed(predictor.info.to_dict(), batching_gain(predictor))


def batching_gain(predictor: Predictor, images: int = TRIED, repeats: int = 5) -> float | None:
    """How many times as fast `images` images are computed together as one by one, by the clock.

    None if the model does not take them together, or does not give each the output that it has alone.
    """
    if not predictor.takes_batches:
        return None
    generator = np.random.default_rng(0)
    height, width = predictor.size
    pixels = generator.integers(0, 256, (images, height, width, 3), np.uint8)
    many = [predictor.inputs(each) for each in pixels]
    alone = [predictor.outputs(each) for each in many]
    try:
        together = predictor.batch(many)
    except ArtifactError:
        return None
    pairs = [
        pair for one, other in zip(alone, together, strict=True) for pair in zip(one, other, strict=True)
    ]
    if any(
        a.shape != b.shape or not np.allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(a).max()) for a, b in pairs
    ):
        return None
    seconds = []
    for _ in range(repeats):  # in turn, so that a busy moment concerns both
        start = time.perf_counter()
        for each in many:
            predictor.outputs(each)
        middle = time.perf_counter()
        predictor.batch(many)
        seconds.append((middle - start, time.perf_counter() - middle))
    one_by_one, at_once = np.median(seconds, axis=0)
    return float(one_by_one / at_once)


def check_address(host: str, port: int) -> None:
    """Raises ZooError if nothing can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ZooError(
                f"cannot listen on {host} port {port} ({error.strerror}); choose another --port"
            ) from None
