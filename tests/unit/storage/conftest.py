import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from conftest import require

if TYPE_CHECKING:
    from samples.storage import Storage


@pytest.fixture(scope="session")
def place() -> Iterator["Storage"]:
    require(importlib.util.find_spec("moto") is not None, "moto (requirements-dev.txt)")
    from samples.storage import storage

    with storage() as it:
        yield it
