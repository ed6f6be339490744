"""Calls to agents: to impostors, and to a real one on an emulated processor."""

import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest

from samples.agents import Impostor
from samples.artifacts import pair
from samples.ncnn import small_network
from zoo.errors import ArtifactError, ZooError
from zoo.runners.ncnn_runner import load
from zoo.targets import remote
from zoo.targets.carriers import emulation
from zoo.targets.link import Link
from zoo.targets.protocol import PROTOCOL, packed
from zoo.targets.remote import Opened, Remote

INPUT = (np.random.default_rng(0).normal(size=(3, 8, 8)).astype(np.float32),)
OPENED = Opened(1, ("out0",))
NET = small_network()
PLAIN = dict.fromkeys(("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"), False)


def started(program: str, greets: bool = True) -> Remote:
    return Remote.start(Link("a76", Impostor(program, greets), Path("results/agent"), "cache"))


def test_an_agent_of_another_version_is_refused_with_what_to_do():
    said = "{'error': 'this agent speaks version 3 of the protocol'}"
    with pytest.raises(
        ZooError, match="a76: this agent speaks version 3 of the protocol; build it anew: rm results/agent"
    ):
        started(f"receive(); send({said})", greets=False)


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (
            "print('Welcome to this machine!', flush=True); receive()",
            "talks nonsense when it is asked to hello",
        ),
        ("sys.exit('no such processor')", r"ended \(exit status 1\) .* hello: no such processor"),
    ],
)
def test_what_does_not_greet_is_no_agent(program: str, sentence: str):
    with pytest.raises(ZooError, match=sentence) as caught:
        started(program, greets=False)
    assert not isinstance(caught.value, ArtifactError)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("send({'blob': 'out1', 'shape': [1]}, bytes(4))", "it sent the blob out1 in place of out0"),
        ("send({'blob': 'out0', 'shape': [2]}, bytes(4))", "4 bytes as an array of the shape"),
        ("send({'wall_us': 1})", "it sent the blob None"),
        ("send(b'[]')", "no JSON object"),
    ],
)
def test_an_answer_to_another_question_is_nonsense(answer: str, why: str):
    agent = started(f"receive(); {answer}; receive()")
    with pytest.raises(ZooError, match=f"talks nonsense when it is asked to run: .*{why}"):
        list(agent.run(OPENED, INPUT))


def test_a_file_travels_from_where_it_was_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "PART", 4)
    file = tmp_path / "x.bin"
    file.write_bytes(b"0123456789")
    program = """
got = []
def put():
    header, body = receive()
    got.append((header['offset'], body.decode()))
    send({'received': header['offset'] + len(body)})
receive(); send({'have': False, 'received': 4}); put(); put()
receive(); send({'got': got})
receive(); send({'have': True, 'received': 0})
"""
    agent = started(program)
    sha256 = agent.put(file)
    assert agent.call("tell", 20).header["got"] == [[4, "4567"], [8, "89"]]
    assert agent.put(file) == sha256
    agent.close()


@pytest.fixture(scope="module")
def emulated(arm_agent: Path, tmp_path_factory) -> Remote:
    cache = tmp_path_factory.mktemp("target") / "a" / "cache"
    return Remote.start(Link("a76", emulation("cortex-a76"), arm_agent, str(cache)))


@pytest.mark.long(60, group="agent")
class TestOnAnEmulatedProcessor:
    def test_it_says_what_it_runs_on(self, emulated: Remote):
        told = emulated.told
        assert told["architecture"] == "aarch64" and told["protocol"] == PROTOCOL
        if "asimdhp" in told["features"]:
            assert told["cpu"] and told["cores"] >= 1 and told["memory_mb"] > 100

    def test_another_version_of_the_protocol_is_refused(self, emulated: Remote):
        with pytest.raises(
            ArtifactError, match=r"speaks version 2 of the protocol, and was asked for version 9"
        ):
            emulated.call("hello", 20, protocol=9)

    def test_it_computes_what_ncnn_computes_here(self, emulated: Remote, tmp_path):
        files = pair(NET, tmp_path)
        names = [each.outputs[0] for each in NET.layers if each.type not in ("Input", "Split")]
        opened = emulated.open(files, NET.inputs, NET.outputs, 1, PLAIN)
        here = dict(load(files, "cpu", 1, "fp32").blobs(INPUT, names))
        for name, values in emulated.run(opened, INPUT, names):
            np.testing.assert_allclose(values, here[name], rtol=1e-4, atol=1e-5)
        times = emulated.time_in_turns([opened, opened], INPUT, 1, 3)
        assert [len(each) for each in times["wall_us"] + times["cpu_us"]] == [3] * 4

    def test_what_it_cannot_do_is_a_sentence_and_no_end(self, emulated: Remote, tmp_path):
        files = pair(NET, tmp_path)
        opened = emulated.open(files, NET.inputs, NET.outputs, 1, PLAIN)
        for sentence, call in {
            "ncnn failed to compute the blob nowhere": lambda: list(emulated.run(opened, INPUT, ["nowhere"])),
            "it takes 1 inputs and was given 2": lambda: list(emulated.run(opened, INPUT * 2)),
            "no artifact is open by this number": lambda: list(emulated.run(Opened(99, ("a",)), INPUT)),
            "cannot do 'fly'": lambda: emulated.call("fly", 20),
            "malformed": lambda: emulated.call("run", 20, id="one"),
            "64 digits": lambda: emulated.call("have", 20, sha256="../../etc/passwd"),
            "came damaged": lambda: emulated.call("put", 20, b"x", sha256="0" * 64, offset=0, size=1),
            "no .param file": lambda: emulated.open(files[1:] * 2, NET.inputs, ["a"], 1, PLAIN),
            "no option fast": lambda: emulated.open(files, NET.inputs, ["a"], 1, {"fast": True}),
        }.items():
            with pytest.raises(ArtifactError, match=f"a76: .*{sentence}"):
                call()

    def test_a_layer_type_that_was_left_out_is_named(self, emulated: Remote, tmp_path):
        param = tmp_path / "x.param"
        param.write_text("7767517\n2 2\nInput in 0 1 a\nLSTM l 1 1 a b\n")
        with pytest.raises(ArtifactError, match="built without ncnn's layer type LSTM"):
            emulated.open((param, param), ["a"], ["b"], 1, PLAIN)

    def test_a_file_that_was_changed_in_the_cache_is_not_opened(self, arm_agent: Path, tmp_path):
        agent = Remote.start(Link("a76", emulation("cortex-a76"), arm_agent, str(tmp_path / "cache")))
        files = pair(NET, tmp_path)
        kept = tmp_path / "cache" / agent.put(files[1])
        kept.write_bytes(kept.read_bytes()[:-1] + b"?")
        with pytest.raises(ArtifactError, match="was changed; send it again"):
            agent.open(files, NET.inputs, ["out0"], 1, PLAIN)
        agent.open(files, NET.inputs, ["out0"], 1, PLAIN)
        assert agent.call("empty", 20).header["files"] == 2
        assert not (tmp_path / "cache").exists(), "and with the last file the folder goes"
        agent.close()

    def test_bytes_that_are_no_frame_end_it_with_a_sentence(self, arm_agent: Path, tmp_path):
        with tempfile.TemporaryFile() as errors:
            process = emulation("cortex-a76").start(arm_agent, str(tmp_path), errors)
            told, _ = process.communicate(b"GET / HTTP/1.1\r\n")
        assert b"what came is no frame of this protocol" in told and process.returncode == 3

    @pytest.mark.parametrize("header", [b"{", b"[" * 100_000, b"[]", b"{}", b"\xff", b'{"do": 1}'])
    def test_a_frame_that_is_no_request_is_answered_by_a_sentence(self, arm_agent, tmp_path, header):
        frame = struct.pack("<4sIQ", b"ZOO1", len(header), 0) + header
        with tempfile.TemporaryFile() as errors:
            process = emulation("cortex-a76").start(arm_agent, str(tmp_path), errors)
            told, _ = process.communicate(frame + packed({"do": "hello", "protocol": PROTOCOL}))
        assert b"the request is malformed" in told and b"asimdhp" in told and process.returncode == 0
