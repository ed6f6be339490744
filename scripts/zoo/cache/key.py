"""What a job's files are made of, as a key: who computes the same key would make the same files.

It holds the rule and its wildcards, all params (settings, states of images and of code, the library's too),
the content of each input, the versions of the tools, and the processor, whose kernels decide the last bits.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from zoo.jobs.making import content_sha256
from zoo.jobs.surroundings import Surroundings

VERSION = 1
"""Of keys and of what lies in a cache; one of another version is left alone."""


class Job(Protocol):
    """What a script is told of the job that it runs for."""

    rule: str
    input: Any
    output: Any
    params: Any
    wildcards: Any


@dataclass(frozen=True)
class Ingredients:
    """inputs: their SHA-256, in the order of the rule. machine: the processor, and what torch computes on
    beside it; empty for files that come out the same on all."""

    rule: str
    wildcards: dict[str, str]
    params: dict[str, Any]
    inputs: list[str]
    tools: dict[str, str]
    machine: list[str]

    @classmethod
    def of(cls, job: Job, anywhere: bool) -> "Ingredients":
        """Those of a job. anywhere: whether its files do not depend on the machine."""
        own = Surroundings.own()
        machine = [own.machine.architecture, *own.machine.features, _accelerator()]
        return cls(
            job.rule,
            dict(job.wildcards.items()),
            dict(job.params.items()),
            [content_sha256(Path(path)) for path in job.input],
            {name: version for name, version in own.tools.items() if name != "snakemake"},
            [] if anywhere else machine,
        )

    def key(self) -> str:
        text = json.dumps([VERSION, vars(self)], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _accelerator() -> str:
    """The GPU that torch computes on, if it was loaded and has one."""
    torch = sys.modules.get("torch")
    return str(torch.cuda.get_device_name()) if torch and torch.cuda.is_available() else ""
