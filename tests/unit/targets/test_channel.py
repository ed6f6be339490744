"""Agents that die, keep silent and talk nonsense."""

import tempfile
from pathlib import Path

import pytest

from samples.agents import Impostor
from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import ChildCrashed, ChildDied
from zoo.targets.channel import Channel
from zoo.targets.protocol import Frame


def started(program: str) -> Channel:
    errors = tempfile.TemporaryFile()  # noqa: SIM115
    impostor = Impostor(program, greets=False)
    return Channel("a76", impostor.start(Path("agent"), "cache", errors), errors, impostor)


def called(channel: Channel, what: str, limit_s: float = 20, body: bytes = b"") -> Frame:
    channel.ask(what, limit_s, body, {})
    return channel.answer()


def test_a_crash_is_the_fault_of_what_ran_and_its_last_words_are_told():
    agent = started("receive(); print('it broke', file=sys.stderr, flush=True); os.kill(os.getpid(), 11)")
    with pytest.raises(ChildCrashed, match=r"a76: the agent ended \(SIGSEGV\) .* to state: it broke"):
        called(agent, "state")


def test_an_agent_that_somebody_ended_says_nothing_of_the_artifact():
    agent = started("receive(); os.kill(os.getpid(), 9)")
    with pytest.raises(ChildDied, match="SIGKILL") as caught:
        called(agent, "state")
    assert not caught.value.crashed


def test_silence_ends_with_a_sentence_and_with_the_agent():
    agent = started("receive(); signal.pause()")
    with pytest.raises(ZooError, match="a76: the agent did not answer in time when it was asked to state"):
        called(agent, "state", 0.3)
    assert agent._process.wait(10) == -9


def test_an_agent_that_does_not_listen_is_silent_too():
    agent = started("signal.pause()")
    with pytest.raises(ZooError, match="did not answer in time"):
        called(agent, "put", 0.3, bytes(1 << 20))


def test_a_refusal_leaves_the_agent_alive():
    agent = started("receive(); send({'error': 'not now'}); receive(); send({'governor': 'none'})")
    with pytest.raises(ArtifactError, match="a76: not now"):
        called(agent, "state")
    assert called(agent, "state").header == {"governor": "none"}
    agent.close()


def test_no_memory_there_is_no_fault_of_the_artifact():
    agent = started("receive(); send({'error': 'there is no memory for this', 'memory': True}); receive()")
    with pytest.raises(MemoryError, match="a76: there is no memory"):
        called(agent, "open")
    agent.close()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            "print('Welcome to this machine!', flush=True); receive()",
            "where a frame of the protocol should begin",
        ),
        ("send(b'[]'); receive()", "no JSON object"),
        ("print('a warning', file=sys.stderr, flush=True); send(b'{'); receive()", "printed: a warning"),
    ],
)
def test_what_is_no_answer_is_nonsense_and_its_end(answer: str, why: str):
    agent = started(f"receive(); {answer}")
    with pytest.raises(ZooError, match=f"a76: the agent talks nonsense when it is asked to state: .*{why}"):
        called(agent, "state")
    assert agent._process.wait(10) == -9
