"""What is kept once, or not at all, is there when it is asked for."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from functools import partial
from types import SimpleNamespace

import pytest

from zoo.jobs.run.lean import (
    forgotten,
    keeping_reasons,
    made_when_asked,
    one_after_the_other,
    sharing_edges,
    sharing_what_is_alike,
)


class File(str):
    """As Snakemake's: what it lies under, marks, and a time if it is there."""

    flags: dict[str, bool]
    time: float | None = None

    @property
    def _file(self) -> "File":
        return self

    async def exists(self) -> bool:
        return self.time is not None

    async def mtime(self) -> SimpleNamespace:
        return SimpleNamespace(local_or_storage=lambda: self.time)


def a_file(path: str, time: float | None = None, **flags: bool) -> File:
    file = File(path)
    file.flags, file.time = flags, time
    return file


def job_of(**values) -> SimpleNamespace:
    return SimpleNamespace(**{"output": [], "benchmark": None, **values})


def test_jobs_share_wildcards_and_sets_that_are_empty():
    def make(job, model: str, *temporary: str) -> None:
        job.wildcards_dict = {"device": "cpu", "model": model}
        job.temp_output, job.touch_output, job.others = set(temporary), set(), set()

    made = sharing_what_is_alike(make)
    one, other, third = (SimpleNamespace() for _ in range(3))
    made(one, "a")
    made(other, "a", "file")
    made(third, "b")
    assert one.wildcards_dict is other.wildcards_dict == {"device": "cpu", "model": "a"}
    assert third.wildcards_dict == {"device": "cpu", "model": "b"}
    assert other.temp_output == {"file"} and one.temp_output == set() and one.others == set()
    assert one.temp_output is one.touch_output is third.temp_output and one.others is not third.others


def test_outputs_are_found_by_their_paths():
    job = job_of(output=[a_file("a", temp=True), a_file("b")])
    asked = made_when_asked(None).__get__(job)
    assert asked["a"] is job.output[0] and list(asked) == ["a", "b"]


def test_logs_without_marks_are_made_when_they_are_asked_for():
    def ask(job):
        job._log = job._log or [a_file(path, **marks) for path, marks in job.declared]
        return job._log

    look = forgotten(property(ask))
    plain, marked, none = (
        job_of(_log=None, declared=each) for each in ([("a", {})], [("a", {"pipe": True})], [])
    )
    assert look.__get__(plain) == ["a"] and plain._log is None and look.__get__(plain) == ["a"]
    assert look.__get__(marked) is look.__get__(marked) is marked._log
    assert look.__get__(none) == []


@pytest.mark.parametrize(
    ("output", "benchmark", "oldest"),
    [
        ([], None, None),
        ([a_file("a", 3), a_file("b", 2), a_file("gone")], None, 2),
        ([a_file("a", 3)], a_file("b", 1), 1),
        ([a_file("a", 3)], a_file("gone"), 3),
        ([a_file("gone")], a_file("b", 4), 4),
        ([a_file("a", 3, storage_object=True)], None, "asked"),
        ([], a_file("b", 1, repeat=True), "asked"),
    ],
)
def test_the_oldest_output_is_found_and_snakemake_asked_of_files_with_marks(output, benchmark, oldest):
    async def ask(job):
        return "asked"

    look = one_after_the_other(property(ask))
    assert asyncio.run(look.__get__(job_of(output=output, benchmark=benchmark))) == oldest


class Plan:
    """Edges as Snakemake keeps them."""

    def __init__(self) -> None:
        self._dependencies, self.depending = (defaultdict(partial(defaultdict, set)) for _ in range(2))
        self._reason: dict[str, SimpleNamespace] = {}

    async def add(self, job: str, needed: dict[str, set[str]]) -> None:
        for other, files in needed.items():
            for file in files:
                self._dependencies[job][other].add(file)
                self.depending[other][job].add(file)


def test_files_between_jobs_are_one_set_from_both_sides_and_for_all_that_need_the_same():
    plan, add = Plan(), sharing_edges(Plan.add)
    asyncio.run(add(plan, "verify", {"int8": {"param", "bin"}, "torch": {"pt"}}))
    asyncio.run(add(plan, "bench", {"int8": {"bin", "param"}}))
    assert plan._dependencies == {
        "verify": {"int8": {"param", "bin"}, "torch": {"pt"}},
        "bench": {"int8": {"param", "bin"}},
    }
    assert plan.depending == {"int8": {"verify": {"param", "bin"}, "bench": {"param", "bin"}},
                              "torch": {"verify": {"pt"}}}  # fmt: skip
    kept = [plan._dependencies["verify"]["int8"], plan._dependencies["bench"]["int8"]]
    kept += plan.depending["int8"].values()
    assert len(set(map(id, kept))) == 1


def test_files_with_marks_are_a_jobs_own():
    plan, add = Plan(), sharing_edges(Plan.add)
    own, other = a_file("param", ancient=True), a_file("param")
    asyncio.run(add(plan, "one", {"int8": {own}}))
    asyncio.run(add(plan, "other", {"int8": {other}}))
    assert next(iter(plan._dependencies["other"]["int8"])) is other
    assert next(iter(plan.depending["int8"]["one"])) is own


def test_what_is_put_in_the_place_of_a_job_has_sets_of_its_own():
    plan, add = Plan(), sharing_edges(Plan.add)
    asyncio.run(add(plan, "old", {"int8": {"param"}}))
    asyncio.run(add(plan, "other", {"int8": {"param"}}))
    del plan._dependencies["old"], plan.depending["int8"]["old"]
    plan._dependencies["new"]["int8"].update({"param", "bin"})
    assert plan._dependencies["other"] == {"int8": {"param"}} == {"int8": plan.depending["int8"]["other"]}


def test_reasons_that_were_found_are_kept_and_empty_ones_are_not():
    async def make(plan):
        plan._reason["job"] = SimpleNamespace(_missing_output={"a"}, _updated_input=set(), forced=False)

    plan = Plan()
    asyncio.run(keeping_reasons(make)(plan))
    assert plan._reason["job"] == SimpleNamespace(_missing_output={"a"}, _updated_input=None, forced=False)


def in_snakemake(code: str) -> None:
    """Run statements where Snakemake's lists are slim, which lasts as long as the process."""
    done = subprocess.run([sys.executable, "-c", LISTS + code], capture_output=True, text=True)
    assert not done.returncode, done.stderr


LISTS = """
import copy, pickle, sys
import snakemake.cli
from snakemake.iocontainers import InputFiles, Namedlist, Params
from snakemake.iocontainers import AttributeGuard
before = pickle.dumps(Namedlist(fromdict={"a": 1}))
from zoo.jobs.run import lean
lean.slim()
"""


def test_lists_have_names_and_guard_those_that_lists_have():
    in_snakemake("""
one = Namedlist(fromdict={"a": 1, "b": 2})
one.append(3)
assert one.a == one["a"] == 1 and list(one.keys()) == ["a", "b"] and one == [1, 2, 3]
assert dict(one.items()) == {"a": 1, "b": 2} and one.get("b") == 2 and one.get("index", 5) == 5
assert list(one._allitems()) == [("a", 1), ("b", 2), (None, 3)]
assert vars(one).keys() == {"_names", "a", "b"}
for each in (one, copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one)), one._clone()):
    for name in ("index", "sort"):
        try:
            getattr(each, name)()
        except AttributeError as error:
            assert f"{name}() cannot be used" in str(error)
        else:
            raise AssertionError(name)
""")


def test_an_item_may_be_named_as_a_method_of_lists():
    in_snakemake("""
one, other = Params(fromdict={"index": 7, "sort": 8}), Params(fromdict={"a": 1})
assert one.index == 7 and one.sort == 8 and one.get("index") == 7
assert pickle.loads(pickle.dumps(one)).index == 7 and type(other.index) is AttributeGuard
try:
    Params(fromdict={"append": 1})
except AttributeError as error:
    assert "reserved" in str(error)
else:
    raise AssertionError
""")


def test_files_of_one_name_are_a_list_and_no_more():
    in_snakemake("""
files = InputFiles(["a", "b", "c"])
files._set_name("both", 0, end=2)
files._set_name("last", 2)
assert files.both == ["a", "b"] and type(files.both) is Namedlist and not vars(files.both)
assert str(files.both) == "a b" and list(files.both._allitems()) == [(None, "a"), (None, "b")]
files.both._set_name("first", 0)
assert files.both.first == "a" and list(files.both.keys()) == ["first"]
assert dict(files._clone().items()) == {"both": ["a", "b"], "last": "c"}
""")


def test_a_list_is_read_by_a_snakemake_that_keeps_what_it_did():
    in_snakemake("""
import subprocess
written = pickle.dumps([Namedlist(fromdict={"a": 1}), Namedlist([1, 2])])
read = "import pickle, sys; import snakemake.cli; a, b = pickle.load(sys.stdin.buffer); " \\
    "b._set_name('c', 1); print(a.a, b.c, sorted(vars(a)), list(a._names), a._allowed_overrides)"
done = subprocess.run([sys.executable, "-c", read], input=written, capture_output=True, check=True)
assert done.stdout.decode().split()[:2] == ["1", "2"], done.stdout
assert b"['_allowed_overrides', '_names', 'a', 'index', 'sort'] ['a'] ['index', 'sort']" in done.stdout
assert pickle.loads(before).a == 1
""")
