"""What random kills do to builds of a tiny zoo.

    python benchmarks/kills.py [--count 100] [--seed 0] [--folder DIR]

A build from nothing loses, after a random time, by SIGKILL: a job, Snakemake, its whole process group, pnnx,
or a child of a job. The same command is typed again and loses another, and so on, until it has lost
`PER_BUILD` or is done; then it must end well, and a manifest be true of all that is there. Bars, all of them
0: files that differ from those of an undisturbed build, that are not as the manifest says, failed verdicts,
hangs, builds that need a step by hand, scratch folders and processes that are left. Exits with status 1 if
one is missed. In `--folder` each build's outcome is a line of kills.jsonl, and a run goes on there.
"""

import argparse
import json
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
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "tests"))
sys.path.insert(0, str(PROJECT / "scripts"))

from samples.workflow import make_zoo
from zoo.config.records.verification import Verification
from zoo.jobs.files import sha256
from zoo.provenance.check import differences

MODEL = "results/cpu/one"
SAME = ("fp32.param", "fp32.bin", "fp16.param", "fp16.bin", "int8.param", "int8.bin", "fp32.onnx")
"""What is compared; asked for by name, for Snakemake makes no intermediate anew that only is missing."""
PASSED = ("int8.passed", "fp16.passed", "fp32.onnx.passed")
MANIFEST = "results/manifest.json"
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
COMMAND = [*SNAKEMAKE, *(f"{MODEL}/{name}" for name in (*SAME, *PASSED))]
VICTIMS = ("job", "main", "group", "pnnx", "child")
QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
PER_BUILD = 10
IDLE_S, HANG_S = 300, 7200
"""A build whose jobs take no processor for so long waits for ever, and one that takes longer than the latter;
a busy machine makes builds slow, and a slow one is no fault."""
ORPHAN_CPU_S, ORPHAN_S = 3, 60
"""What a process may take of a processor to end with its build, or of the clock while it takes none: one that
starts learns of the end when its imports are done, which is before its work, and late on a busy machine."""


def is_victim(kind: str, process: psutil.Process, zoo: Path) -> bool:
    command = process.cmdline()
    if kind == "job":
        return bool(command) and command[-1].startswith(str(zoo / ".snakemake/scripts"))
    if kind == "pnnx":
        return process.name() == "pnnx"
    return kind == "child" and any("multiprocessing.spawn" in part for part in command)


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


def living(zoo: Path) -> list[psutil.Process]:
    """The processes that work in the zoo. A zombie only waits for somebody to ask how it ended."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            at_work = process.status() != psutil.STATUS_ZOMBIE
            if at_work and Path(process.cwd()).is_relative_to(zoo) and process.pid != os.getpid():
                found.append(process)
    return found


def disturbed(zoo: Path, generator: random.Random, most: int) -> Counter[str]:
    """A build from nothing that is killed again and again, and then left to its end; what was wrong."""
    wrong: Counter[str] = Counter()
    shutil.rmtree(zoo / "results")
    while wrong["kills"] < most:
        kind = generator.choice(VICTIMS)
        if kind == "pnnx":  # it runs once a build
            (zoo / MODEL / "fp32.param").unlink(missing_ok=True)
        build = subprocess.Popen(COMMAND, cwd=zoo, start_new_session=True, **QUIET)
        with suppress(subprocess.TimeoutExpired):
            build.wait(generator.uniform(1, 10))
        killed = build.poll() is None and kill(kind, build, zoo, generator)
        wrong.update({"kills": int(killed), kind: int(killed)})
        if ended(build) is None:
            wrong["hangs"] += 1
        wrong["orphans"] += len(left(zoo))
        if not killed:  # it was faster
            wrong["steps by hand"] += build.returncode != 0
            break
    for command in (COMMAND, [*SNAKEMAKE, MANIFEST]):
        last = subprocess.Popen(command, cwd=zoo, start_new_session=True, **QUIET)
        if ended(last) is None:
            wrong["hangs"] += 1
        wrong["steps by hand"] += last.returncode != 0
    wrong["leftovers"] += len(list(zoo.rglob(".partial-*")))
    return wrong


def ended(build: subprocess.Popen[bytes]) -> int | None:
    """The status of a build when it is over; None if it had to be ended."""
    deadline, seen, since = time.monotonic() + HANG_S, work_of(build), time.monotonic()
    while time.monotonic() < min(deadline, since + IDLE_S):
        with suppress(subprocess.TimeoutExpired):
            return build.wait(1)
        if (now := work_of(build)) != seen:
            seen, since = now, time.monotonic()
    os.killpg(build.pid, signal.SIGKILL)
    build.wait()
    return None


def work_of(build: subprocess.Popen[bytes]) -> dict[int, float]:
    """The processes below Snakemake, which itself is never idle, and what each took of a processor, in s."""
    taken = {}
    with suppress(psutil.Error):
        for process in psutil.Process(build.pid).children(recursive=True):
            with suppress(psutil.Error):
                taken[process.pid] = sum(process.cpu_times()[:2])
    return taken


def left(zoo: Path) -> list[psutil.Process]:
    """The processes of a build that is over which go on for longer than they may; they are ended."""
    first: dict[int, float] = {}
    deadline = time.monotonic() + ORPHAN_S
    while (here := living(zoo)) and time.monotonic() < deadline:
        with suppress(psutil.Error):
            taken = {process.pid: sum(process.cpu_times()[:2]) for process in here}
            if any(used - first.setdefault(pid, used) > ORPHAN_CPU_S for pid, used in taken.items()):
                break
        time.sleep(0.1)
    orphans = living(zoo)
    for process in orphans:
        with suppress(psutil.Error):
            print(f"left: {process.status()}, {' '.join(process.cmdline())[-300:]}", flush=True)
            process.kill()
    return orphans


def check(zoo: Path, expected: dict[str, str]) -> Counter[str]:
    """Files and verdicts that are not those of the undisturbed build."""
    made = hashes(zoo)
    records = [Verification.read(path) for path in (zoo / MODEL).glob("*.verify.json")]
    return Counter(
        {
            "wrong files": sum(made.get(name) != expected[name] for name in SAME),
            "not as the manifest says": len(list(differences(zoo / MANIFEST))),
            "wrong verdicts": sum(not each.verdict.passed for each in records),
        }
    )


def hashes(zoo: Path) -> dict[str, str]:
    return {name: sha256(zoo / MODEL / name) for name in SAME if (zoo / MODEL / name).is_file()}


def undisturbed(folder: Path) -> tuple[Path, dict[str, str]]:
    """The zoo, and what a build that nobody disturbs makes in it."""
    zoo, kept = folder / "zoo", folder / "expected.json"
    if not kept.exists():
        shutil.rmtree(zoo, ignore_errors=True)
        make_zoo(zoo)
        subprocess.run(COMMAND, cwd=zoo, check=True, **QUIET)
        kept.write_text(json.dumps(hashes(zoo)))
    return zoo, json.loads(kept.read_text())


def campaign(folder: Path, count: int, seed: int) -> Counter[str]:
    """Disturbed builds until so many kills were made; those of an earlier run count."""
    zoo, expected = undisturbed(folder)
    notes = folder / "kills.jsonl"
    rows = [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
    while (done := sum(row.get("kills", 0) for row in rows)) < count:
        most = min(PER_BUILD, count - done)
        found = disturbed(zoo, random.Random(f"{seed} {len(rows)}"), most)
        rows.append(dict(found + check(zoo, expected)))
        with notes.open("a") as handle:
            print(json.dumps(rows[-1]), file=handle)
        print(f"{done + found['kills']}: {rows[-1]}", flush=True)
    return sum(map(Counter, rows), Counter())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        total = campaign(folder, options.count, options.seed)
    bars = (
        "wrong files",
        "not as the manifest says",
        "wrong verdicts",
        "hangs",
        "steps by hand",
        "leftovers",
        "orphans",
    )
    victims = ", ".join(f"{total[kind]} {kind}" for kind in VICTIMS)
    print(" | ".join(f"{name} {total[name]}" for name in bars), f"in {total['kills']} kills ({victims})")
    return int(any(total[name] for name in bars))


if __name__ == "__main__":
    raise SystemExit(main())
