"""Faults of devices, as jobs get them from their child processes."""

import pytest

from zoo.jobs.isolation import isolated
from zoo.targets.faults import AgentAbsent, ConnectionCut, Nonsense, Unreachable


def gone(kind: type[Exception]) -> None:
    raise kind("pi5: it is gone")


@pytest.mark.parametrize("kind", [Unreachable, ConnectionCut, AgentAbsent, Nonsense])
def test_a_fault_comes_from_a_child_process_as_it_was_raised(kind: type[Exception]):
    with pytest.raises(kind, match="pi5: it is gone") as caught:
        isolated("x", gone, kind)
    assert not getattr(caught.value, "lasting", False)
