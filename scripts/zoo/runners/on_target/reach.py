"""The agent of a target, reached as config.yaml says."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.config.targets import Target
from zoo.errors import ZooError
from zoo.jobs.scratch import scratch
from zoo.targets.adb import Adb
from zoo.targets.carriers import Carrier, emulation
from zoo.targets.link import QUICK_S, Link
from zoo.targets.remote import Remote
from zoo.targets.ssh import Ssh


@contextmanager
def reached(target: Target) -> Iterator[Remote]:
    """An agent on a target, until the block ends. How many bytes of artifacts it took is said then.

    What is on this machine, emulated or not, keeps its files in a folder that goes with the block.
    Raises ZooError if the target cannot be reached, or lacks what it must have.
    """
    if target.agent is None:
        raise ZooError(f"{target.name}: nobody said which agent works there")
    agent, carrier = Path(target.agent), carrier_of(target)
    if target.folder is not None:
        with _started(target, Link(target.name, carrier, agent, target.folder, target.cores)) as remote:
            yield remote
        return
    with (
        scratch(agent) as folder,
        _started(target, Link(target.name, carrier, agent, str(folder.absolute()))) as remote,
    ):
        yield remote


def carrier_of(target: Target) -> Carrier:
    """What starts the agent of a target."""
    if target.ssh is not None:
        places = target.port, target.key, target.known_hosts
        return Ssh(target.name, target.architecture, False, True, target.ssh, *places)
    if target.adb is not None:
        return Adb(target.name, target.architecture, False, True, target.adb)
    assert target.emulate is not None
    return emulation(target.emulate, target.architecture)


@contextmanager
def _started(target: Target, link: Link) -> Iterator[Remote]:
    remote = Remote.start(link)
    try:
        has = remote.told["features"]
        if lacking := [each for each in target.features if each not in has]:
            raise ZooError(
                f"{target.name}: its processor ({processor_of(remote.told, target)}) or its kernel has no "
                f"{', '.join(lacking)}, which features asks for; it has {', '.join(has) or 'none of those'}"
            )
        yield remote
    finally:
        remote.close()
        if target.is_board and remote.sent:
            print(f"note: {remote.sent:,} bytes of artifacts were sent to {target.name}", file=sys.stderr)


def processor_of(told: Mapping[str, Any], target: Target) -> str:
    """A target's processor by what its agent says of itself; an emulated one of some architectures sees this
    machine's name there."""
    return str(told["cpu"]) if target.is_timed else f"{target.emulate}, emulated"


def emptied(target: Target) -> tuple[int, int]:
    """Take away all that an agent keeps on a target, itself too: how many files that were, and bytes.

    It waits for another build that works there. Raises ZooError if the target cannot be reached.
    """
    with reached(target) as remote:
        told = remote.call("empty", QUICK_S).header
    return told["files"], told["bytes"]
