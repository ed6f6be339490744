"""What Snakemake asks the same of for each job of a plan, and what is answered from memory here."""

import inspect
import sys
from collections.abc import Callable
from functools import cache
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary


def remember() -> None:
    """Let this process answer what it was asked before: signatures of functions, and parts of addresses.

    A plan asks for the signature of each function of a rule, and for the parts of the path of its script,
    once a job and more: that was a fifth of its time. It asks which rules make a file once for each job that
    reads it, and goes through the patterns of all outputs for that: another eighth. And each list of a
    job's files, parameters or resources holds two objects of its own, which are the same in all lists.
    """
    inspect.signature = remembering_signatures(inspect.signature)
    index: Any = sys.modules.get("snakemake.output_index")
    if index:
        index.OutputIndex.match_producers = remembering_producers(index.OutputIndex.match_producers)
    lists: Any = sys.modules.get("snakemake.iocontainers")
    if lists:
        lists.AttributeGuard.__new__ = sharing_by_name(object.__new__)
    addresses: Any = sys.modules.get("smart_open")
    if addresses:  # Snakemake's, not ours
        addresses.parse_uri = cache(addresses.parse_uri)


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
