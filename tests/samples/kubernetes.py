"""Kubernetes as its client sees it: an interface that runs each job's command in a folder of its own."""

import base64
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from samples.loopback import Handler, served

_JOBS = re.compile(r"/apis/batch/v1/namespaces/[^/]+/jobs(?:/([^/]+)(/status)?)?$")
_SECRETS = re.compile(r"/api/v1/namespaces/[^/]+/secrets(?:/([^/]+))?$")
_PODS = re.compile(r"/api/v1/namespaces/[^/]+/pods(?:/([^/]+)(/log)?)?$")


@dataclass
class Cluster:
    """folder: of the pods' own folders, and of what their image has in PATH. jobs: what was posted, by name;
    secrets: likewise; ended: exit statuses; logs: what pods printed."""

    folder: Path
    jobs: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def image(self) -> Path:
        """The programs of the image: Python as here; the plugins that pip would install are there."""
        programs = self.folder / "bin"
        if not programs.exists():
            programs.mkdir(parents=True)
            (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
            (programs / "pip").write_text("#!/bin/sh\nexit 0\n")
            for program in programs.iterdir():
                program.chmod(0o755)
        return programs

    def configuration(self) -> Path:
        """A file for KUBECONFIG."""
        path = self.folder / "kubeconfig"
        cluster = {"name": "c", "cluster": {"server": self.url}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        whole = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
        path.write_text(
            yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "c", **whole})
        )
        return path

    def run(self, name: str) -> None:
        """What a node does: the command, with the environment of the pod and nothing else."""
        container = self.jobs[name]["spec"]["template"]["spec"]["containers"][0]
        pod = self.folder / name
        pod.mkdir()
        environment = {"PATH": f"{self.image()}:/usr/bin:/bin", "HOME": str(pod), "OMP_NUM_THREADS": "2"}
        for each in container["env"]:
            reference = each["valueFrom"]["secretKeyRef"]
            value = self.secrets[reference["name"]]["data"][reference["key"]]
            environment[each["name"]] = base64.b64decode(value).decode()
        done = subprocess.run(
            [*container["command"], *container["args"]],
            cwd=pod,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        self.logs[name], self.ended[name] = done.stdout, done.returncode
        shutil.rmtree(pod)

    def status(self, name: str) -> dict[str, int]:
        if name not in self.ended:
            return {"active": 1}
        return {"failed": 1} if self.ended[name] else {"succeeded": 1}


class _Handler(Handler):
    cluster: Cluster

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = body["metadata"]["name"]
        if _JOBS.match(self._path):
            self.cluster.jobs[name] = body
            threading.Thread(target=self.cluster.run, args=(name,), daemon=True).start()
        else:
            self.cluster.secrets[name] = body
        self._answer(body)

    def do_GET(self) -> None:
        if found := _JOBS.match(self._path):
            self._answer(self.cluster.jobs[found[1]] | {"status": self.cluster.status(found[1])})
        elif (found := _PODS.match(self._path)) and found[2]:
            self._answer(self.cluster.logs.get(found[1], ""))
        else:
            name = self.path.partition("job-name%3D")[2]
            ended = self.cluster.ended.get(name)
            state = {"running": {}} if ended is None else {"terminated": {"exitCode": ended}}
            container = {"name": "snakemake", "image": "", "imageID": "", "ready": True, "restartCount": 0}
            pod = {
                "metadata": {"name": name},
                "status": {"containerStatuses": [container | {"state": state}]},
            }
            self._answer({"items": [pod] if name else []})

    def do_DELETE(self) -> None:
        if found := _SECRETS.match(self._path):
            self.cluster.secrets.pop(found[1], None)
        self._answer({})

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _answer(self, body: Any) -> None:
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    it = Cluster(folder)
    with served(type("Own", (_Handler,), {"cluster": it})) as it.url:
        yield it
