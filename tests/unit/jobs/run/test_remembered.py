"""What is remembered is what would be found anew, and nothing that may not be."""

import gc
import inspect
from collections.abc import Callable
from functools import partial
from weakref import ref

import pytest

from zoo.jobs.run.remembered import remembering_signatures


class Owner:
    def method(self, wildcards, attempt=1):
        pass

    def __call__(self, threads):
        pass


class Unhashable(Owner):
    __hash__ = None  # type: ignore[assignment]


def function(wildcards, input, *, attempt: int = 2):
    pass


@pytest.fixture
def asked() -> list[object]:
    return []


@pytest.fixture
def remembered(asked) -> Callable[..., inspect.Signature]:
    def signature(obj, **options):
        asked.append(obj)
        return inspect.signature(obj, **options)

    return remembering_signatures(signature)


@pytest.mark.parametrize(
    "of",
    [
        function,
        lambda: None,
        partial(function, 1),
        partial(function, attempt=3),
        Owner(),
        Owner().method,
        Owner,
    ],
)
def test_each_is_looked_at_once_and_answered_as_python_does(of, asked, remembered):
    assert [remembered(of) for _ in range(3)] == [inspect.signature(of)] * 3 and len(asked) == 1


def test_methods_of_several_objects_are_one_function_and_not_that_function(asked, remembered):
    one, other = Owner(), Owner()
    assert remembered(one.method) == remembered(other.method) == inspect.signature(one.method)
    assert remembered(Owner.method) == inspect.signature(Owner.method) != remembered(one.method)
    assert len(asked) == 2


def test_what_cannot_be_remembered_is_asked_each_time(asked, remembered):
    unhashable = Unhashable()
    assert remembered(unhashable) == remembered(unhashable) == inspect.signature(unhashable)
    assert remembered(function, follow_wrapped=False) == inspect.signature(function, follow_wrapped=False)
    with pytest.raises(TypeError, match="not a callable"):
        remembered(3)


def test_a_function_that_is_gone_is_forgotten():
    remembered = remembering_signatures(inspect.signature)

    def local():
        pass

    remembered(local)
    gone = ref(local)
    del local
    gc.collect()
    assert gone() is None
