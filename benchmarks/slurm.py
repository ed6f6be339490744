"""How long a build through Slurm takes beside the same build on this machine, on the same cores.

    python benchmarks/slurm.py [MODELS] [--cores 2] [--most 1.5]

Builds models of config.yaml (default: the embedded ones) for the CPU, from nothing, in two copies of the
project: by Snakemake alone, and by `profiles/slurm` on a Slurm of two nodes that both are this machine, each
of which says that it has half of the cores. Prints seconds by the clock, so nothing else should be going on,
the submissions, and the ratio. Needs Debian's slurm-wlm and munge, and requirements-slurm.txt. Exits with
status 1 if the ratio is above `--most`, or fp32 files are not the same. (int8 goes by what candidates took.)
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "tests"))

from samples import slurm
from samples.workflow import Zoo, copy_project

PROFILE = ("--workflow-profile", "profiles/slurm")


def built(zoo: Zoo, environment: dict[str, str], *arguments: str) -> tuple[float, int]:
    """Seconds by the clock of a build, and how many jobs were sent. Ends the process if it fails."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "snakemake", *arguments, "--config", "devices=[cpu]"]
    done = subprocess.run(
        command, cwd=zoo.folder, env=os.environ | environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit((done.stdout + done.stderr)[-3000:])
    return time.monotonic() - begun, len(slurm.submissions(done.stdout + done.stderr))


def same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*", default=["embedded"])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--most", type=float, default=1.5)
    options = parser.parse_args()
    if not slurm.available():
        sys.exit("Slurm is missing (Debian's packages slurm-wlm and munge)")
    with tempfile.TemporaryDirectory(prefix="slurm-") as scratch:
        here, there = copy_project(Path(scratch, "here")), copy_project(Path(scratch, "there"))
        alone, _ = built(here, {}, "--cores", str(options.cores), *options.models)
        print(f"on this machine: {alone:.0f} s", flush=True)
        (daemons := Path(scratch, "slurm")).mkdir()
        slurm.CPUS = max(1, options.cores // len(slurm.NODES))
        with slurm.slurm(daemons) as cluster:
            sent = (*PROFILE, "--cores", str(slurm.CPUS), *options.models)
            through, submissions = built(there, cluster.environment, *sent)
        print(f"through Slurm: {through:.0f} s, {submissions} submissions")
        files = [path.relative_to(here.folder) for path in here.folder.glob("results/cpu/*/fp32.*")]
        files = [path for path in files if path.suffix in (".param", ".bin")]
        others = [str(path) for path in files if not same(here.folder / path, there.folder / path)]
        print(f"fp32 files that differ: {', '.join(others) or f'none of {len(files)}'}")
    print(f"ratio: {through / alone:.2f}")
    return int(through > options.most * alone or bool(others))


if __name__ == "__main__":
    sys.exit(main())
