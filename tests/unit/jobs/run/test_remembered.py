"""What is remembered is what would be found anew, and nothing that may not be."""

import gc
import inspect
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from weakref import ref

import pytest

from zoo.jobs.run.remembered import (
    filling_in_wildcards,
    once_a_rule,
    remembering_producers,
    remembering_signatures,
    replace,
    sharing_by_values,
    where_one_lies_in_another,
    without_parameters,
)


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


class Processor:
    script_type = "script"


def job_of(script: str, **wildcards: str) -> SimpleNamespace:
    values = SimpleNamespace(**wildcards)
    return SimpleNamespace(rule=Rule(script), wildcards_dict=wildcards, wildcards=values)


class Rule(str):
    @property
    def script(self) -> str:
        return str(self)


def test_a_script_is_looked_at_once_a_rule_and_plan_unless_its_path_is_the_jobs():
    looked_at = []
    look = once_a_rule(lambda processor, job: looked_at.append(str(job.rule)))
    first, second = Processor(), Processor()
    for processor in (first, second):
        for each in ("one.py", "other.py", "{wildcards.a}.py") * 2:
            look(processor, job_of(each))
    assert looked_at == ["one.py", "other.py", *["{wildcards.a}.py"] * 2] * 2


def test_a_script_that_is_not_there_is_told_each_time():
    def missing(processor, job):
        raise FileNotFoundError(job.rule)

    look, processor = once_a_rule(missing), Processor()
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match=r"one\.py"):
            look(processor, job_of("one.py"))


class Values(list[str]):
    def __init__(self, toclone: "Values | None" = None, fromdict: dict[str, str] | None = None) -> None:
        super().__init__(toclone or (fromdict or {}).values())
        self.__dict__ |= vars(toclone) if toclone else fromdict or {}


def test_wildcards_of_the_same_values_are_one_object_and_others_are_not():
    wildcards = sharing_by_values(Values)
    one = wildcards(fromdict={"model": "m", "device": "cpu"})
    assert one is wildcards(fromdict={"model": "m", "device": "cpu"}) and one == ["m", "cpu"]
    assert wildcards(fromdict={"model": "n", "device": "cpu"}).model == "n" != one.model
    assert wildcards(fromdict={"device": "m", "model": "cpu"}).model == "cpu"
    assert wildcards() == [] and wildcards(toclone=one) == one and wildcards(toclone=one) is not one


def test_names_of_wildcards_are_filled_in_and_everything_else_is_as_snakemake_has_it():
    fill_in = filling_in_wildcards(lambda job, text, **variables: f"asked {sorted(variables)}")
    job = job_of("a.py", device="cpu", model="m")
    assert fill_in(job, "verify {wildcards.device}/{wildcards.model}, {{so}}") == "verify cpu/m, {so}"
    assert fill_in(job, "report") == "report"
    others = (
        "{params.file}",
        "{wildcards}",
        "{wildcards.gone}",
        "{wildcards.model:q}",
        "{wildcards.model!r}",
    )
    others += ("{wildcards.model.upper}", "{wildcards.model[0]}", "{}")
    assert {fill_in(job, text) for text in others} == {"asked []"}
    assert fill_in(job, "{wildcards.model}", threads=2) == "asked ['threads']"


def test_what_another_release_does_not_have_stays():
    def never(found):
        raise AssertionError(found)

    replace("no.such.module", "Name", never)
    replace(__name__, "NoSuchClass.method", never)
    replace(__name__, "Owner.no_such_method", never)


@pytest.mark.parametrize(
    "call",
    [
        "remembered.remember()",
        "plain_files.lighten()",
        "lean.slim()",
        "selection.lighten()",
        "dry_run.lighten(SimpleNamespace(logger_manager=SimpleNamespace(plugin_handlers=[]), "
        "output_settings=SimpleNamespace(printshellcmds=False)))",
        "slurm.look_again_soon()",
    ],
)
def test_all_of_it_is_found_in_the_snakemake_that_is_installed(call):
    code = REPLACED.format(module=call.partition(".")[0], call=call)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


REPLACED = """
from types import SimpleNamespace
import snakemake.cli, smart_open
from zoo.jobs.run import {module}
replace = {module}.replace
def noticing(module, name, by):
    done = []
    replace(module, name, lambda found: done.append(name) or by(found))
    if not done:
        print("not there:", module, name)
{module}.replace = noticing
{call}
"""


@pytest.mark.parametrize(
    ("outputs", "looked"),
    [
        ([["results/a/b", "results/a/c"], ["results/d/e.f"]], False),
        ([["results/a"], ["results/ab/c"]], False),
        ([["results/a"], ["results/a/c"]], True),
        ([["results/a"], ["results/a/b/c/d"]], True),
        ([["a"], ["b/c"]], True),
        ([["b/c"], ["/tmp/b/c"]], True),
        ([["b/d/c"], ["b/../b/d"]], True),
        ([["b/d/c"], ["./b/d"]], True),
        ([["b/d/c"], ["b/./d"]], True),
        ([["b/d/c"], ["b//d"]], True),
    ],
)
def test_outputs_are_compared_where_one_may_lie_in_another(outputs, looked):
    plans = []
    plan = SimpleNamespace(jobs=[SimpleNamespace(output=each) for each in outputs])
    where_one_lies_in_another(plans.append)(plan)
    assert plans == [plan] * looked


def test_the_parameters_of_a_job_are_not_asked_for_an_environment_that_its_rule_does_not_have():
    asked = []
    look = without_parameters(property(lambda job: asked.append(job) or "found"))
    jobs = [SimpleNamespace(rule=SimpleNamespace(conda_env=name)) for name in (None, "torch.yaml")]
    assert [look.__get__(job) for job in (*jobs, SimpleNamespace(rule=object()))] == [None, "found", "found"]
    assert len(asked) == 2
