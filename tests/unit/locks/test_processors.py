"""What must not depend on the processor does not: on others, which qemu emulates, it has the same bytes."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import require
from samples.locks import MADE, locked

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
PROCESSORS = ("Nehalem", "Haswell")
"""Without AVX, and with AVX2 but without AVX-512."""

JOBS = """
import sys
from pathlib import Path
sys.path.insert(0, {scripts!r})
import int8_locked, ncnn_bf16, ncnn_fp16
from zoo.locks.lock import Lock
from zoo.ncnn.pair import Pair

folder, out = Path({folder!r}), Path({out!r})
pair = folder / "fp32.param", folder / "fp32.bin"
for name, script, more in (("fp16", ncnn_fp16, {{"masks": None}}), ("bf16", ncnn_bf16, {{}})):
    made = {{"param_out": out / (name + ".param"), "weights_out": out / (name + ".bin")}}
    script.main(param=pair[0], weights=pair[1], **made, **more)
names = ("param", "weights", "table", "recipe", "search", "sensitivity")
files = [out / each for each in (*{made!r}, "int8.sensitivity.json")]
lock = folder / "net.json"
int8_locked.main(
    model="net", device="cpu", fp32=Pair.load(*pair), origin=Lock.read(lock).origin, lock_file=lock,
    difference_file=folder / "net.delta", outputs=dict(zip(names, files, strict=True)),
)
"""


@pytest.fixture(scope="module")
def emulator() -> str:
    path = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
    require(path is not None, "an emulator of processors (Debian's package qemu-user-static)")
    return str(path)


def made(folder: Path, out: Path, *runner: str) -> dict[str, str]:
    """SHA-256 of each file that the jobs make of a folder, by name."""
    out.mkdir()
    code = JOBS.format(scripts=str(SCRIPTS), folder=str(folder), out=str(out), made=MADE)
    done = subprocess.run([*runner, sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in out.iterdir()}


def test_other_processors_make_the_same_bytes_of_a_lock_and_of_fp32(emulator, tmp_path):
    locked(tmp_path)
    here = made(tmp_path, tmp_path / "here")
    assert {"fp16.bin", "bf16.bin", *MADE} <= set(here)
    for processor in PROCESSORS:
        there = made(tmp_path, tmp_path / processor, emulator, "-cpu", processor)
        assert there == here, processor
