"""The part of the list that a sweep takes."""

import pytest

from zoo.config.checks.sweep import part_of
from zoo.errors import ZooError


def test_a_part_is_one_of_so_many():
    assert part_of("3/12") == (3, 12) and part_of("1/1") == part_of(None) == (1, 1)


@pytest.mark.parametrize("text", ["", "1/0", "0/12", "13/12", "a/b", "3"])
def test_what_is_no_part_is_refused(text: str):
    with pytest.raises(ZooError, match=r"^sweep: '.*' is no part of the list; 3/12 is the third of twelve$"):
        part_of(text)
