"""What Snakemake asks the same of for each job of a plan, and what is answered from memory here."""

import inspect
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import PurePath
from string import Formatter
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary


def remember() -> None:
    """Let this process answer what it was asked before: signatures of functions, and parts of addresses.

    A plan asks for the signature of each function of a rule, and for the parts of the path of its script,
    once a job and more: that was a fifth of its time. It asks which rules make a file once for each job that
    reads it, and goes through the patterns of all outputs for that: another eighth. And each list of a
    job's files, parameters or resources holds two objects of its own, which are the same in all lists.

    Of what is left a third was this, and marks of files (`zoo.jobs.run.plain_files`): the script of each job,
    read to see that it is there; the values of its wildcards, wrapped anew for each function of its rule; and
    its message, filled in from a copy of every name of the Snakefile. The parameters of each job were worked
    out for the environment of conda that none of the rules has, and the paths of all outputs sorted to see
    that none lies in another.
    """
    inspect.signature = remembering_signatures(inspect.signature)
    replace("snakemake.output_index", "OutputIndex.match_producers", remembering_producers)
    replace("snakemake.iocontainers", "AttributeGuard.__new__", lambda new: sharing_by_name(object.__new__))
    replace("snakemake.dag", "ScriptProcessor.process_job", once_a_rule)
    replace("snakemake.rules", "Wildcards", sharing_by_values)
    replace("snakemake.jobs", "Wildcards", sharing_by_values)
    replace("snakemake.jobs", "Job.format_wildcards", filling_in_wildcards)
    replace("snakemake.jobs", "Job.conda_env_spec", without_parameters)
    replace("snakemake.dag", "DAG.check_directory_outputs", where_one_lies_in_another)
    replace("smart_open", "parse_uri", cache)  # Snakemake's, not ours


def replace(module: str, name: str, by: Callable[[Any], Any]) -> None:
    """Put something of a module that is loaded, or of a class in it, in a wrapper; where there is nothing of
    that name, as in another release, all stays as it is."""
    *way, last = name.split(".")
    owner: Any = sys.modules.get(module)
    for each in way:
        owner = getattr(owner, each, None)
    found = inspect.getattr_static(owner, last, None)  # a property itself, not what it answers
    if found is not None:
        setattr(owner, last, by(found))


def remembering_signatures(signature: Callable[..., inspect.Signature]) -> Callable[..., inspect.Signature]:
    """`inspect.signature`, which looks at each function once. What is asked in another way, or of what cannot
    be remembered, is passed on. A function that is no longer used is forgotten."""
    functions: WeakKeyDictionary[Any, inspect.Signature] = WeakKeyDictionary()
    methods: WeakKeyDictionary[Any, inspect.Signature] = WeakKeyDictionary()

    def remembered(obj: Any, **options: Any) -> inspect.Signature:
        if options:
            return signature(obj, **options)
        known, key = (methods, obj.__func__) if isinstance(obj, MethodType) else (functions, obj)
        try:
            if found := known.get(key):
                return found
            known[key] = found = signature(obj)
        except TypeError:  # not hashable, or without weak references
            return signature(obj)
        return found

    return remembered


def remembering_producers(look_up: Callable[[Any, str], set[Any]]) -> Callable[[Any, str], set[Any]]:
    """Snakemake's look-up of the rules that make a file, in an index of all rules, which goes over each file
    once. Files that the same rules make share one answer, which nobody changes."""
    known: WeakKeyDictionary[Any, dict[str, set[Any]]] = WeakKeyDictionary()
    answers: WeakKeyDictionary[Any, dict[frozenset[Any], set[Any]]] = WeakKeyDictionary()

    def remembered(index: Any, file: str) -> set[Any]:
        files = known.setdefault(index, {})
        if (found := files.get(file)) is None:
            rules = look_up(index, file)
            found = answers.setdefault(index, {}).setdefault(frozenset(rules), rules)
            files[file] = found
        return found

    return remembered


def sharing_by_name(new: Callable[[Any], Any]) -> Callable[..., Any]:
    """`__new__` of a class whose objects are told apart by their one argument. One that is read from a pickle
    or copied, which gives no argument, is an object of its own."""
    known = cache(lambda of, name: new(of))
    return lambda of, *name: known(of, *name) if name else new(of)


def once_a_rule(process: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Snakemake's look at the script of a job, which is the same for all jobs of a rule unless its path says
    otherwise. The first of them is looked at each time that a plan is made."""
    looked_at: WeakKeyDictionary[Any, set[Any]] = WeakKeyDictionary()

    def looked(processor: Any, job: Any) -> None:
        rules = looked_at.setdefault(processor, set())
        if job.rule not in rules:
            process(processor, job)
            if "{" not in str(getattr(job.rule, processor.script_type)):
                rules.add(job.rule)

    return looked


def sharing_by_values(of: Callable[..., Any]) -> Callable[..., Any]:
    """The class of lists of wildcards, whose like are one object: functions of rules and jobs read them. One
    that wrote into them would change them for the others."""
    shared = cache(lambda values: of(fromdict=dict(values)))

    def wildcards(*arguments: Any, fromdict: dict[str, str] | None = None, **options: Any) -> Any:
        if arguments or options or not fromdict:
            return of(*arguments, fromdict=fromdict, **options)
        return shared(tuple(fromdict.items()))

    return wildcards


def without_parameters(environment: property) -> property:
    """A job's environment of conda, which may follow from its parameters; that of a rule that has none does
    not. The parameters of a job whose files are not there are then asked for when it starts."""
    ask: Any = environment.fget
    return property(lambda job: ask(job) if getattr(job.rule, "conda_env", True) else None)


def where_one_lies_in_another(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """Snakemake's look for outputs that lie in an output of another job, for which it takes apart and sorts
    all paths; done if the folder of one is an output, or cannot be told from its path."""

    def checked(plan: Any) -> None:
        files = {file for job in plan.jobs for file in job.output}
        folders = {file.rpartition("/")[0] for file in files}
        above = {str(each) for folder in folders for each in (folder, *PurePath(folder).parents)}
        odd = any("/" not in each or each[0] in "/." or "//" in each or "/." in each for each in files)
        if odd or not above.isdisjoint(files):
            check(plan)

    return checked


def filling_in_wildcards(fill_in: Callable[..., str]) -> Callable[..., str]:
    """What Snakemake makes of a text with names in braces, for a job; names of wildcards are looked up in the
    job alone."""

    @cache
    def names(text: str) -> set[str] | None:
        fields = [part[1:] for part in Formatter().parse(text) if part[1] is not None]
        plain = all(re.fullmatch(r"wildcards\.\w+", name or "") and not any(how) for name, *how in fields)
        return {str(name).removeprefix("wildcards.") for name, *_ in fields} if plain else None

    def filled(job: Any, text: str, **variables: Any) -> str:
        needed = names(text)
        if variables or needed is None or not needed <= (job.wildcards_dict or {}).keys():
            return fill_in(job, text, **variables)
        return text.format(wildcards=job.wildcards)

    return filled
