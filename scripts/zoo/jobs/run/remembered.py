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
    once a job and more: that was a fifth of its time.
    """
    inspect.signature = remembering_signatures(inspect.signature)
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
