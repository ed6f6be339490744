"""What is said once of numbers is what numpy says."""

import numpy as np

from zoo.array_types import FLOAT16_MAX, Arrays, Doubles, Floats


def test_the_largest_float16_is_numpys():
    assert np.finfo(np.float16).max == FLOAT16_MAX
    assert np.isfinite(np.float16(FLOAT16_MAX)) and np.isinf(np.float32(65520).astype(np.float16))


def test_the_types_name_their_precision():
    assert "float32" in str(Floats) and "float64" in str(Doubles) and "float32" in str(Arrays)
