"""Models with their artifacts, made once for all tests of runners."""

import pytest

from samples.runtimes import Case, chain_of_layers, two_by_two


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A model of one input and one output."""
    return chain_of_layers(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A model of two inputs and two outputs."""
    return two_by_two(tmp_path_factory.mktemp("both"))
