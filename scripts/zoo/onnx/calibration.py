"""Calibration images as onnxruntime's tools take them, and the ranges that a model's tensors have on them."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader
from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

from zoo.errors import ZooError
from zoo.images.decode import load
from zoo.images.inputs import Feed
from zoo.images.sets import Sample

PROTOBUF_LIMIT = 2_000_000_000
"""Bytes: a protobuf message is limited to 2 GiB."""

Named = Mapping[str, NDArray[np.float32]]
"""Inputs of one run by name, each with a batch dimension of 1."""


def load_model(path: str | Path) -> onnx.ModelProto:
    """The model of a file, weights included. Raises ZooError if it exceeds what onnxruntime's tools take."""
    model = onnx.load(path)
    if (size := model.ByteSize()) >= PROTOBUF_LIMIT:
        raise ZooError(
            f"{path} holds {size / 1e9:.1f} GB, and onnxruntime's converters take less than 2: use ncnn"
        )
    return model


def with_node_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with a name of its own for every node."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    seen: set[str] = set()
    for index, node in enumerate(result.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.name or node.op_type}_{index}"
        seen.add(node.name)
    return result


def feeds(
    model: onnx.ModelProto,
    samples: Sequence[Sample],
    feed: Feed,
    threads: int,
    progress: str | None = None,
) -> Iterator[Named]:
    """The model's inputs for each sample, in order. See `zoo.images.decode.load` for what it raises."""
    names = [value.name for value in model.graph.input]
    return (
        {name: values[None] for name, values in zip(names, inputs, strict=True)}
        for _, inputs in load(samples, feed, threads, progress)
    )


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """`count` feeds for onnxruntime's calibrators, handed out range by range in their order.

    With its option `CalibStridedMinMax: 1` a calibrator takes one at a time and forgets its tensors; else it
    keeps all tensors of all images.
    """

    def __init__(self, feeds: Iterable[Named], count: int) -> None:
        self._feeds, self._count, self._left = iter(feeds), count, count

    def __len__(self) -> int:
        return self._count

    def set_range(self, start_index: int, end_index: int) -> None:
        self._left = end_index - start_index

    def get_next(self) -> Named | None:
        if not self._left:
            return None
        self._left -= 1
        return next(self._feeds, None)


def peaks(model: onnx.ModelProto, feeds: Iterable[Named]) -> dict[str, float]:
    """The largest absolute value of each float tensor that a model takes, makes or returns."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        onnx.save(model, path)
        augmented = str(Path(scratch) / "augmented.onnx")
        calibrator: Any = create_calibrator(
            path, augmented_model_path=augmented, calibrate_method=CalibrationMethod.MinMax
        )
        for feed in feeds:
            calibrator.collect_data(Reader([feed], 1))
        ranges = calibrator.compute_data()
    return {name: float(np.max(np.abs(ranges[name].range_value))) for name in ranges}
