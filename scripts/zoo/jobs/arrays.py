"""Arrays by name in one `.npz` file: written whole or not at all, the same bytes for the same arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ZooError
from zoo.jobs.files import regular, replacing


def write_arrays(arrays: Mapping[str, NDArray[Any]], path: str | Path) -> None:
    """Write the arrays; `path` must end in `.npz`, which numpy would append."""
    with replacing(path) as (temporary,):
        np.savez(temporary, allow_pickle=False, **arrays)


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read all arrays. Raises ZooError if the file is missing, damaged or of another kind."""
    try:
        with np.load(regular(path), allow_pickle=False) as file:
            arrays = dict(file)
            if strange := [name for name, each in arrays.items() if not isinstance(each, np.ndarray)]:
                raise ValueError(f"{strange[0]!r} is no array")  # numpy gives its bytes
            for each in arrays.values():
                if each.dtype.kind == "U":
                    each.tolist()  # SystemError for what is no character
            return arrays
    except (
        Exception
    ) as error:  # of a damaged file zipfile, numpy and the parsers they use raise a dozen kinds
        raise ZooError(f"{path}: cannot be read ({error}); delete it to have it made again") from error
