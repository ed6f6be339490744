"""Agents of targets: the real one, cut down for tests, and impostors."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from zoo.targets.carriers import started

LAYERS = (
    *("BinaryOp", "Convolution", "ConvolutionDepthWise", "Dropout", "GELU", "InnerProduct", "Input"),
    *("Gemm", "LayerNorm", "Permute", "Pooling", "Quantize", "ReLU", "Reorg", "Reshape", "Split"),
)
"""What the models of the tests need on a target, so that its agent builds in a minute."""

_START = """
import json, os, signal, struct, sys
def send(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    sys.stdout.buffer.write(struct.pack("<4sIQ", b"ZOO1", len(text), len(body)) + text + body)
    sys.stdout.buffer.flush()
def receive():
    start = sys.stdin.buffer.read(16)
    if not start: sys.exit()
    _, header, body = struct.unpack("<4sIQ", start)
    return json.loads(sys.stdin.buffer.read(header)), sys.stdin.buffer.read(body)
"""
_GREET = "receive(); send({'protocol': 2, 'ncnn': '1.0', 'cpu': 'none', 'features': []})\n"


@dataclass(frozen=True)
class Impostor:
    """A carrier of a program in Python in the agent's place. greets: it says hello before."""

    program: str
    greets: bool = True
    emulated: bool = False
    elsewhere: bool = False

    def start(self, agent: Path, cache: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        code = _START + (_GREET if self.greets else "") + self.program
        return started([sys.executable, "-c", code], errors)

    def ended(self, code: int | None, said: str) -> int | None:
        return code

    def place(self, agent: Path, cache: str) -> None:
        """It is here."""
