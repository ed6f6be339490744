"""What cuts of the connection do to what is recorded of an artifact on a board.

    python benchmarks/cuts.py [--count 50] [--seed 0]

The board is this machine, over an sshd of its own on a high port (Debian's openssh-server). A verification,
an evaluation or a benchmark of a small network there loses its connection once, at a random moment: after
some of the bytes that it takes undisturbed, or after some of the time, with the agent and the files there
already or still on their way. Then there is the record that an undisturbed one has, number by number (of a
benchmark all but its times, which must be as many and not ten times others), or none, and a sentence.
Anything else is wrong. Exits with status 1 if something was.
"""

import argparse
import json
import logging
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Timer
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "tests"))
sys.path.insert(0, str(PROJECT / "scripts"))
paths = [str(PROJECT / "tests"), str(PROJECT / "scripts")]
os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # of child processes
os.environ.setdefault("NCNN_ZOO_BASELINE", "1")  # the agent that the tests have

from samples import boards
from samples.agents import LAYERS
from samples.artifacts import FEED, artifact, pair, photos, reference
from samples.ncnn import small_network
from zoo.errors import ZooError
from zoo.jobs.surroundings import cpu_name
from zoo.measure.accuracy import evaluate
from zoo.measure.board.benchmark import benchmark_on_target
from zoo.measure.reference_set import ReferenceSet
from zoo.measure.verify import verify
from zoo.runners.artifact import Artifact
from zoo.targets.build import agent_program

KINDS = ("verify", "eval", "bench")
OUTCOMES = ("resumed", "told", "wrong")
IMAGES, RUNS = 12, 20
FACTOR = 10
"""Between two times of one thing, on a machine that others use too."""


@dataclass(frozen=True)
class Job:
    """What is done to a small network on the board, and where its record goes."""

    one: Artifact
    against: ReferenceSet
    record: Path

    def run(self, kind: str) -> None:
        self.record.unlink(missing_ok=True)
        if kind == "verify":
            verify(self.one, self.against, self.one.files, {"min_sqnr_db": 60}, 1).write(self.record)
        elif kind == "eval":
            evaluate(self.one, self.against, 1).write(self.record)
        else:
            benchmark_on_target(self.one, self.one, [(3, 8, 8)], RUNS).write(self.record)

    def recorded(self) -> Any:
        return json.loads(self.record.read_text()) if self.record.exists() else None


@dataclass
class Undisturbed:
    """What a job records, and the bytes and seconds that it takes when it is left alone."""

    record: Any
    bytes: int
    seconds: float


def differs(kind: str, expected: Any, got: Any) -> bool:
    """Whether a record has another figure."""
    if kind != "bench":
        return bool(got != expected)
    timed, others = zip(*map(_times, (expected, got)), strict=True)
    if others[0] != others[1] or len(timed[0]) != len(timed[1]):
        return True
    return any(not 1 / FACTOR < b / a < FACTOR for a, b in zip(*timed, strict=True))


def _times(record: Any) -> tuple[list[float], Any]:
    """The times of a benchmark, and all else of it but its memory."""
    left = json.loads(json.dumps(record))
    times = []
    for entry in left["latency"]:
        for each in (entry, entry["reference"]):
            times += [each.pop(name) for name in ("median_ms", "p10_ms", "p90_ms")]
        entry["ratio"] = entry["ratio_error"] = 0
    left["peak_memory_bytes"] = 0
    return times, left


@contextmanager
def campaign_folder() -> Iterator[tuple[Job, boards.Way, Path]]:
    """The job, the way to its board, and the folder that the board keeps files in."""
    with tempfile.TemporaryDirectory() as scratch, boards.board(Path(scratch) / "board") as board:
        folder = Path(scratch)
        way = boards.Way(board.port)
        board.know(way.port)
        agent = agent_program(platform.machine(), PROJECT / "requirements.txt", LAYERS, os.cpu_count() or 1)
        target = board.target(agent, port=way.port, threads=1)
        samples = photos(folder, IMAGES)
        one = replace(artifact(*pair(small_network(), folder), device="board"), target=target)
        against = ReferenceSet("photos", tuple(samples), FEED, reference(small_network(), samples, folder))
        yield Job(one, against, folder / "record.json"), way, board.home
        way.close()


def undisturbed(job: Job, way: boards.Way) -> dict[str, Undisturbed]:
    found = {}
    for kind in ("verify", *KINDS):  # the first puts agent and files there
        before, start = way.sent + way.received, time.monotonic()
        job.run(kind)
        found[kind] = Undisturbed(job.recorded(), way.sent + way.received - before, time.monotonic() - start)
    return found


def cut(job: Job, kind: str, way: boards.Way, home: Path, expected: Undisturbed, draw: random.Random) -> str:
    """What a cut at a random moment led to: one of OUTCOMES, or `missed` if the job was done before it."""
    cuts = 0

    def now() -> None:
        nonlocal cuts
        way.after = lambda: None
        cuts += way.cut()

    fresh, by_bytes = draw.random() < 0.3, draw.random() < 0.6
    share = draw.random()
    if fresh:
        shutil.rmtree(home, ignore_errors=True)
    travelling = sum(file.stat().st_size for file in (Path(str(job.one.target.agent)), *job.one.files))
    limit = way.sent + way.received + share * (expected.bytes + fresh * travelling)
    timer = Timer(share * expected.seconds, now)
    if by_bytes:
        way.after = lambda: now() if way.sent + way.received > limit else None
    else:
        timer.start()
    fault = None
    try:
        job.run(kind)
    except ZooError as error:
        fault = error
    finally:
        timer.cancel()
        way.after = lambda: None
    got = job.recorded()
    if fault is not None:
        print(f"{kind}: {fault}", file=sys.stderr)
    if (got is None) is (fault is None) or (got is not None and differs(kind, expected.record, got)):
        return "wrong"
    if not cuts:
        return "missed"
    return "told" if got is None else "resumed"


def campaign(count: int, seed: int, told: Callable[[str], None]) -> Counter[tuple[str, str]]:
    draw = random.Random(seed)
    found: Counter[tuple[str, str]] = Counter()
    with campaign_folder() as (job, way, home):
        expected = undisturbed(job, way)
        while sum(found[kind, outcome] for kind in KINDS for outcome in OUTCOMES) < count:
            kind = KINDS[sum(found.values()) % len(KINDS)]
            outcome = cut(job, kind, way, home, expected[kind], draw)
            found[kind, outcome] += 1
            told(f"{kind} {outcome}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    if boards.SSHD is None:
        parser.error("there is no sshd on this machine: install openssh-server (Debian's package)")
    found = campaign(options.count, options.seed, lambda line: print(line, file=sys.stderr, flush=True))
    print("| | cuts | record as undisturbed | told, no record | wrong |\n|---|---|---|---|---|")
    for kind in KINDS:
        row = [found[kind, outcome] for outcome in OUTCOMES]
        print(f"| {kind} | {sum(row)} | {' | '.join(map(str, row))} |")
    wrong = sum(found[kind, "wrong"] for kind in KINDS)
    print(f"{options.count} cuts, {wrong} wrong records; {cpu_name()}")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
