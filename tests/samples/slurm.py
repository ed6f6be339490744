"""A real Slurm of two nodes on this machine, by any user: a munged, a slurmctld and two slurmd of its own."""

import getpass
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
NODES = ("n1", "n2")
CPUS = max(4, len(os.sched_getaffinity(0)))
"""Those that each node says it has: together more than this machine."""

_CONFIGURATION = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={control}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1
ReturnToService=2
SlurmdTimeout=10
KillWait=2
MailProg=/bin/true
{nodes}
PartitionName=all Nodes={names} Default=YES MaxTime=INFINITE State=UP
"""


@dataclass
class Slurm:
    """The cluster; environment: what Snakemake needs to find it."""

    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.out").open("wb")
        self.processes[name] = subprocess.Popen(
            command, env=os.environ | self.environment, stdout=log, stderr=log, start_new_session=True
        )

    def start_node(self, name: str) -> None:
        self.start(name, _program("slurmd"), "-D", "-N", name)

    def kill(self, name: str) -> None:
        """A daemon ends as without power; what a node ran ends too, and reports nothing."""
        left = {row[0] for row in self.running() if row[2] == name}
        self.processes[name].kill()
        self.processes[name].wait()
        for job in left:
            for process in psutil.process_iter(["cmdline"]):
                if self._is_of(process, job):
                    with suppress(psutil.NoSuchProcess):
                        process.kill()

    def _is_of(self, process: psutil.Process, job: str) -> bool:
        """Whether it is one of a job, or watches over it: such processes come first, for they are older."""
        with suppress(psutil.Error):
            environment = process.environ()
            watches = " ".join(process.info["cmdline"] or []).startswith(f"slurmstepd: [{job}.")
            ours = environment.get("SLURM_CONF") == self.environment["SLURM_CONF"]
            return ours and (watches or environment.get("SLURM_JOB_ID") == job)
        return False

    def ask(self, *command: str) -> str:
        """What a program of Slurm prints."""
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, timeout=60
        )
        return done.stdout

    def running(self) -> list[list[str]]:
        """Number, comment, node and CPUs of each job that runs, and whether it shares its node: OK or NO."""
        rows = self.ask("squeue", "--noheader", "--states=RUNNING", "--format=%i|%k|%N|%C|%h").splitlines()
        return [row.split("|") for row in rows]

    def memory_of(self, number: str) -> int:
        """The megabytes that a job asked for."""
        said = re.search(r"MinMemoryNode=(\d+)(M|G)", self.ask("scontrol", "show", "job", number))
        assert said, f"job {number} is forgotten"
        return int(said[1]) * {"M": 1, "G": 1024}[said[2]]

    def wait_until_idle(self, *names: str) -> None:
        """Raises AssertionError if the nodes do not come within two minutes."""
        end = time.monotonic() + 120
        while any("idle" not in self.ask("sinfo", "--noheader", "-n", name, "-o", "%T") for name in names):
            assert time.monotonic() < end, self.ask("sinfo", "-N", "-l")
            time.sleep(0.5)


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """The cluster, in a folder with a short name, for it holds a socket."""
    ports = _free_ports(1 + len(NODES))
    nodes = "\n".join(
        f"NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory=64000"
        for name, port in zip(NODES, ports[1:], strict=True)
    )
    (folder / "state").mkdir()
    for name in NODES:
        (folder / name).mkdir()
    (folder / "slurm.conf").write_text(
        _CONFIGURATION.format(
            control=ports[0], user=getpass.getuser(), folder=folder, nodes=nodes, names=",".join(NODES)
        )
    )
    cluster = Slurm(folder, _environment_for(folder))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    files = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "seed"}
    options = [f"--{option}={folder / name}" for option, name in files.items()]
    try:
        cluster.start("munged", _program("munged"), "--foreground", "--force", f"--key-file={key}", *options)
        _wait_for(folder / "munge.socket")
        cluster.start("slurmctld", _program("slurmctld"), "-D")
        for name in NODES:
            cluster.start_node(name)
        cluster.wait_until_idle(*NODES)
        yield cluster
    finally:
        cluster.ask("scancel", f"--user={getpass.getuser()}")
        for process in reversed(cluster.processes.values()):
            process.terminate()
            process.wait(timeout=30)


def submissions(text: str) -> list[str]:
    """The numbers of the jobs that a build sent to Slurm, of what it printed."""
    return re.findall(r"submitted with SLURM jobid (\d+)", text)


def _environment_for(folder: Path) -> dict[str, str]:
    """Snakemake's plugin takes SLURM_CONF away from the steps of a job, so `srun` gets it back."""
    (folder / "bin").mkdir()
    srun = folder / "bin/srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)
    return {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }


def _program(name: str) -> str:
    """Daemons lie in /usr/sbin, which is not in everybody's path."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or name


def available() -> bool:
    return all(Path(_program(name)).is_absolute() for name in PROGRAMS)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.1)
