"""What is remembered is what would be found anew, and nothing that may not be."""

import gc
import inspect
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from weakref import ref

import pytest

from zoo.jobs.run.remembered import remembering_producers, remembering_signatures


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


class Index:
    def __init__(self, **producers: set[str]) -> None:
        self.producers = producers
        self.asked: list[str] = []

    def match_producers(self, file: str) -> set[str]:
        self.asked.append(file)
        return set(self.producers.get(file, ()))


def test_the_rules_that_make_a_file_are_looked_up_once_in_each_index():
    index, other = Index(a={"one"}, b={"one", "two"}), Index(a={"two"})
    producers = remembering_producers(Index.match_producers)
    for _ in range(3):
        assert [producers(index, file) for file in "abc"] == [{"one"}, {"one", "two"}, set()]
        assert producers(other, "a") == {"two"}
    assert index.asked == ["a", "b", "c"] and other.asked == ["a"]


def test_an_index_that_is_gone_is_forgotten():
    producers = remembering_producers(Index.match_producers)
    index = Index(a={"one"})
    producers(index, "a")
    gone = ref(index)
    del index
    gc.collect()
    assert gone() is None


def test_lists_of_snakemake_share_what_guards_their_names_and_still_say_why():
    done = subprocess.run([sys.executable, "-c", GUARDS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "sort", "index", "sort"]


GUARDS = """
import copy, pickle
from snakemake.iocontainers import Namedlist
from zoo.jobs.run.remembered import remember
remember()
one, other = Namedlist(fromdict={"a": 1}), Namedlist(fromdict={"b": 2})
print(one.sort is other.sort)
for each, name in ((one, "sort"), (pickle.loads(pickle.dumps(one)), "index"), (copy.deepcopy(one), "sort")):
    try:
        getattr(each, name)()
    except AttributeError as error:
        print(str(error).partition("()")[0])
"""
