"""What an image tells is the same after it has travelled."""

import pickle

import numpy as np

from zoo.calibration.columns import PIXEL, Window
from zoo.calibration.observation import BlobObservation, ImageObservation, packed, unpacked

FLAT, PATCH = Window(flat=True), Window((2, 2), (2, 2))


def test_packed_arrays_are_unpacked_with_their_shapes_and_windows():
    random = np.random.default_rng(0)

    def floats(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    blobs = [
        BlobObservation(floats(3), floats(3), {PIXEL: floats(8, 3), PATCH: floats(8, 12)}),
        BlobObservation(floats(5), floats(5), {PIXEL: floats(1, 5), FLAT: floats(1, 5)}),
        BlobObservation(floats(2), floats(2), {PIXEL: floats(0, 2)}),
    ]
    sent = ImageObservation(1, np.arange(8, dtype=np.uint64), blobs)
    read = unpacked(pickle.loads(pickle.dumps(packed(sent))), [tuple(blob.columns) for blob in blobs])
    assert read.half == 1 and (read.priority == sent.priority).all() and len(read.blobs) == 3
    for one, other in zip(read.blobs, blobs, strict=True):
        assert list(one.columns) == list(other.columns)
        for each, own in zip((*one[:2], *one[2].values()), (*other[:2], *other[2].values()), strict=True):
            np.testing.assert_array_equal(each, own)
            assert each.dtype == np.float32
