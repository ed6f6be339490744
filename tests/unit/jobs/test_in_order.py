"""Work is done ahead, in so many threads, and comes in order."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from zoo.jobs.in_order import in_order


def test_results_come_in_order_whichever_is_ready_first():
    second = threading.Event()

    def wait(number: int) -> int:
        if number == 1:
            assert second.wait(10)
        second.set()
        return -number

    with ThreadPoolExecutor(2) as pool:
        assert list(in_order(pool, wait, [1, 2, 3], 2)) == [-1, -2, -3]


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_wait_than_asked_for(most: int):
    begun = []
    with ThreadPoolExecutor(8) as pool:
        results = in_order(pool, begun.append, iter(range(10)), most)
        next(results)
    assert begun == list(range(most))


def test_an_error_comes_when_its_turn_does():
    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, lambda number: 1 // number, [1, 0, 1], 3)
        assert next(results) == 1
        with pytest.raises(ZeroDivisionError):
            next(results)
