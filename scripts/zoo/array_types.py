"""The types of the arrays that the library passes around, and what float16 can hold: said once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

Arrays = tuple[Floats, ...]
"""A model's inputs or outputs, in its order."""

FLOAT16_MAX = 65504.0
"""The largest finite float16."""
