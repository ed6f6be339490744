"""What random kills do to builds of a tiny zoo.

    python benchmarks/kills.py --count 100

In each round a build that has a part of the zoo to make loses, after a random time, by SIGKILL: a job,
Snakemake, its whole process group, pnnx, or a child of a job. The same command must then end well. Bars, all
of them 0: files that differ from those of an undisturbed build, failed verdicts, hangs, builds that need a
step by hand, scratch folders and processes that are left. Exits with status 1 if one is missed.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "tests"))
sys.path.insert(0, str(PROJECT / "scripts"))

from samples.workflow import make_zoo
from zoo.config.records.verification import Verification
from zoo.jobs.files import sha256

MODEL = "results/cpu/one"
SAME = ("fp32.param", "fp32.bin", "fp16.param", "fp16.bin", "int8.param", "int8.bin", "fp32.onnx")
"""What is compared; asked for by name, for Snakemake makes no intermediate anew that only is missing."""
PASSED = ("int8.passed", "fp16.passed", "fp32.onnx.passed")
COMMAND = [sys.executable, "-m", "snakemake", *(f"{MODEL}/{name}" for name in (*SAME, *PASSED))]
VICTIMS = ("job", "main", "group", "pnnx", "child")
HANG_S = 900
"""A build that takes longer waits for ever."""


def is_victim(kind: str, process: psutil.Process, zoo: Path) -> bool:
    command = process.cmdline()
    if kind == "job":
        return bool(command) and command[-1].startswith(str(zoo / ".snakemake/scripts"))
    if kind == "pnnx":
        return process.name() == "pnnx"
    return kind == "child" and any("multiprocessing" in part for part in command)


def kill(kind: str, build: subprocess.Popen[bytes], zoo: Path, generator: random.Random) -> bool:
    """Kill, as soon as there is one; whether there was before the build ended."""
    if kind in ("main", "group"):
        os.killpg(build.pid, signal.SIGKILL) if kind == "group" else build.kill()
        return True
    main = psutil.Process(build.pid)
    while build.poll() is None:
        with suppress(psutil.Error):
            for process in main.children(recursive=True):
                if is_victim(kind, process, zoo):
                    time.sleep(generator.uniform(0, 1.5))
                    process.kill()
                    return True
        time.sleep(0.01)
    return False


def lives(process: psutil.Process) -> bool:
    """A zombie only waits for somebody to ask how it ended."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def disturbed(zoo: Path, generator: random.Random) -> Counter[str]:
    """One round: a part of the zoo is gone, its build is killed, and built again; what was wrong."""
    wrong: Counter[str] = Counter()
    kind = generator.choice(VICTIMS)
    names = [name for name in SAME if kind != "pnnx" or name.startswith("fp32.")]
    (zoo / MODEL / generator.choice(names)).unlink()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    build = subprocess.Popen(COMMAND, cwd=zoo, start_new_session=True, **quiet)  # type: ignore[call-overload]
    time.sleep(generator.uniform(1, 10))
    tree = psutil.Process(build.pid).children(recursive=True) if build.poll() is None else []
    wrong[
        f"killed: {kind}" if build.poll() is None and kill(kind, build, zoo, generator) else "too late"
    ] += 1
    try:
        build.wait(HANG_S)
    except subprocess.TimeoutExpired:
        wrong["hangs"] += 1
        os.killpg(build.pid, signal.SIGKILL)
    wrong["orphans"] += sum(map(lives, psutil.wait_procs(tree, timeout=2)[1]))
    try:
        again = subprocess.run(COMMAND, cwd=zoo, timeout=HANG_S, **quiet)  # type: ignore[call-overload]
        wrong["steps by hand"] += again.returncode != 0
    except subprocess.TimeoutExpired:
        wrong["hangs"] += 1
    wrong["leftovers"] += len(list(zoo.rglob(".partial-*")))
    return wrong


def check(zoo: Path, expected: dict[str, str]) -> Counter[str]:
    """Files and verdicts that are not those of the undisturbed build."""
    files = sum(
        not (zoo / MODEL / name).is_file() or hashes(zoo).get(name) != expected[name] for name in SAME
    )
    records = [Verification.read(path) for path in (zoo / MODEL).glob("*.verify.json")]
    return Counter({"wrong files": files, "wrong verdicts": sum(not each.verdict.passed for each in records)})


def hashes(zoo: Path) -> dict[str, str]:
    return {name: sha256(zoo / MODEL / name) for name in SAME if (zoo / MODEL / name).is_file()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        zoo = make_zoo(Path(folder) / "zoo").folder
        subprocess.run(COMMAND, cwd=zoo, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        expected = hashes(zoo)
        shutil.copytree(zoo, Path(folder) / "whole", symlinks=True)
        for index in range(options.count):
            found = disturbed(zoo, random.Random(f"{options.seed} {index}"))
            found += check(zoo, expected)
            total.update(found)
            print(f"{index + 1}: {dict(found)}", flush=True)
            if found["wrong files"] or found["steps by hand"] or found["hangs"]:
                shutil.rmtree(zoo)
                shutil.copytree(Path(folder) / "whole", zoo, symlinks=True)
    bars = ("wrong files", "wrong verdicts", "hangs", "steps by hand", "leftovers", "orphans")
    print(" | ".join(f"{name} {total[name]}" for name in bars), f"in {options.count} rounds")
    return int(any(total[name] for name in bars))


if __name__ == "__main__":
    raise SystemExit(main())
