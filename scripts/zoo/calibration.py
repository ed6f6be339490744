"""Calibration statistics: what one pass over the calibration images tells about each layer's input."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zoo.arrays import read_arrays, write_arrays
from zoo.errors import ZooError
from zoo.ncnn_graph import Graph
from zoo.runners import Runner
from zoo.table import QUANTIZABLE


class BlobRunner(Runner, Protocol):
    """A runner that shows intermediate results: ncnn's."""

    def blobs(
        self, image: NDArray[np.float32], names: list[str]
    ) -> Iterable[tuple[str, NDArray[np.float32]]]: ...


@dataclass(frozen=True, eq=False)
class CalibrationStatistics:
    """What was seen of each layer's input, channel by channel, over all images and positions.

    images: how many were seen. channel_absmax: the largest absolute value, channel_mean: the mean; float32
    arrays of shape (channels,) by layer name. Memory does not grow with the images.
    """

    images: int
    channel_absmax: Mapping[str, NDArray[np.float32]]
    channel_mean: Mapping[str, NDArray[np.float32]]

    def absmax(self, layer: str) -> float:
        """The largest absolute value of a layer's input."""
        return float(self.channel_absmax[layer].max())

    def save(self, path: str | Path) -> None:
        """Write as .npz: the number of images, the layers' names, and two arrays a layer."""
        meta = json.dumps({"images": self.images, "layers": list(self.channel_absmax)})
        absmax = {f"absmax/{index}": values for index, values in enumerate(self.channel_absmax.values())}
        means = {f"mean/{index}": self.channel_mean[name] for index, name in enumerate(self.channel_absmax)}
        write_arrays({"meta": np.array(meta)} | absmax | means, path)

    @classmethod
    def load(cls, path: str | Path) -> "CalibrationStatistics":
        """The inverse of `save`. Raises ZooError if the file is not such a file."""
        arrays = read_arrays(path)
        if "meta" not in arrays:
            raise ZooError(f"{path}: not calibration statistics; delete it to have them collected again")
        meta = json.loads(str(arrays["meta"]))
        absmax, means = (
            {name: arrays[f"{kind}/{index}"] for index, name in enumerate(meta["layers"])}
            for kind in ("absmax", "mean")
        )
        return cls(meta["images"], absmax, means)


def collect(
    graph: Graph, runner: BlobRunner, images: Iterable[tuple[str, NDArray[np.float32]]]
) -> CalibrationStatistics:
    """Run the fp32 model once over `images`, (name, CHW float32) pairs, and keep statistics.

    Raises ZooError for an empty set, and for NaN or inf in a layer's input, naming layer and image.
    """
    sources = {layer.name: source_blob(graph, layer.inputs[0]) for layer in graph.of_type(*QUANTIZABLE)}
    if not sources:
        raise ZooError("the model has no layer that could be int8 (no convolution, no inner product)")
    read = set(sources.values())
    wanted = [blob for blob in graph.blobs if blob in read]
    largest: dict[str, NDArray[np.float32]] = {}
    means: dict[str, NDArray[np.float64]] = {}
    count = 0
    for name, image in images:
        count += 1
        for blob, values in runner.blobs(image, wanted):
            absmax = np.abs(values).max(axis=_all_but_channels(values))
            if not np.isfinite(absmax).all():
                layer = next(layer for layer, source in sources.items() if source == blob)
                raise ZooError(f"layer {layer}: its input is NaN or infinite for the image {name}")
            largest[blob] = np.maximum(largest[blob], absmax) if blob in largest else absmax
            mean = values.mean(axis=_all_but_channels(values), dtype=np.float64)
            means[blob] = means[blob] + (mean - means[blob]) / count if blob in means else mean
    if not count:
        raise ZooError("the calibration set is empty; add images or name another set")
    return CalibrationStatistics(
        count,
        {layer: largest[blob] for layer, blob in sources.items()},
        {layer: means[blob].astype(np.float32) for layer, blob in sources.items()},
    )


def source_blob(graph: Graph, blob: str) -> str:
    """The blob that `blob` is a copy of: Split layers only copy."""
    producer = graph.producer(blob)
    while producer is not None and producer.type == "Split":
        blob = producer.inputs[0]
        producer = graph.producer(blob)
    return blob


def _all_but_channels(values: NDArray[np.float32]) -> tuple[int, ...]:
    """Axes to reduce: channels lead in (c, h, w), and trail in (rows, features) and (features,)."""
    return tuple(range(1, values.ndim)) if values.ndim > 2 else tuple(range(values.ndim - 1))
