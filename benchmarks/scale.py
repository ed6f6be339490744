"""What Snakemake itself takes for each job of a whole build, as a zoo grows.

    python benchmarks/scale.py [--models 10 30 100] [--against COMMIT] [--plan] [--most 1.5]

Builds `all` of zoos with so many models, whose entries are alike, with every job replaced by one that touches
its outputs: the plan, the order and the looks at files are real, and nothing is computed. Prints for each zoo
the jobs, the CPU time of the main process for each of them (in it the plan), which a busy machine falsifies
less than the clock, and the most memory that process had. With `--plan` nothing is run, and no job replaced:
`snakemake -n all`. Exits with status 1 if a job of the largest zoo takes more than `--most` times what one of
the smallest takes.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from planning import SNAKEMAKE, alone, checkout, present

CONFIG = """
devices: [cpu]
image_sets:
  natural: {path: calib/natural, crops: true}
  heldout: {path: calib/heldout, crops: {smallest: 0.7}}
defaults:
  calibration: {set: natural, images: 100}
  verification: {set: heldout, images: 100}
  evaluation: {set: heldout, images: 50, seed: 1}
int8: {recipe: auto}
models:
"""
ENTRY = "  m%04d: {timm: convnext_atto.d2_in1k}\n"
# What the main process took is known to itself only; what it waited for, to its parent too.
PROGRAM = (
    """
import atexit, resource, sys
def tell():
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("main process:", used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
atexit.register(tell)
"""
    + SNAKEMAKE
)


@dataclass(frozen=True)
class Build:
    """jobs: that ran. seconds: of CPU, megabytes: at most, of the main process."""

    jobs: int
    seconds: float
    megabytes: float

    @property
    def ms_a_job(self) -> float:
        return 1e3 * self.seconds / self.jobs


def with_zoo(folder: Path, models: int) -> Path:
    """The checkout with a generated zoo."""
    (folder / "config.yaml").write_text(CONFIG + "".join(ENTRY % index for index in range(models)))
    return folder


def with_stand_ins(folder: Path) -> Path:
    """The checkout with jobs that touch their outputs."""
    for rules in (folder / "rules").glob("*.smk"):
        text = re.sub(r'( +)script:\n +"[^"]*"', r'\1shell:\n\1    "touch {output}"', rules.read_text())
        rules.write_text(text.replace("build.record(ZOO, HOME)", "None"))  # there are no figures to keep
    return folder


def build(folder: Path, *options: str) -> Build:
    command = [sys.executable, "-c", PROGRAM, "-j2", "all", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=alone(folder))
    text = done.stdout + done.stderr
    if done.returncode:
        sys.exit(text[-3000:])
    jobs = set(re.findall(r"^Job (\d+)(?: of \d+)?:", text, re.M))
    used = re.search(r"^main process: (\S+) (\d+)$", text, re.M)
    assert jobs and used, text[-3000:]
    return Build(len(jobs), float(used[1]), int(used[2]) / 1024)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--against", metavar="COMMIT", help="build with the files of that commit instead")
    parser.add_argument("--plan", action="store_true", help="plan only")
    parser.add_argument("--most", type=float, default=1.5)
    options = parser.parse_args()
    found = []
    for models in options.models:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "zoo"
            folder = checkout(options.against, folder) if options.against else present(folder)
            with_zoo(folder, models)
            found.append(build(folder, "-n") if options.plan else build(with_stand_ins(folder)))
        now = found[-1]
        print(
            f"{models} models: {now.jobs} jobs, {now.seconds:.1f} s, {now.ms_a_job:.2f} ms a job, "
            f"{now.megabytes:.0f} MB",
            flush=True,
        )
    return int(found[-1].ms_a_job > options.most * found[0].ms_a_job)


if __name__ == "__main__":
    sys.exit(main())
