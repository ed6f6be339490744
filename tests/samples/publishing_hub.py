"""A model hub on loopback that takes uploads: as much of the protocol as huggingface_hub needs to make a
repository and to commit a folder to it.

Read in huggingface_hub 2.4 (`hf_api.py`, `_commit_api.py`, `lfs.py`): POST `/api/repos/create`; for a commit
`/api/models/<repo>/preupload/main`, which asks how each file is to be sent, and
`/api/models/<repo>/commit/main`, whose lines are JSON objects, a file's with its bytes in base64; and
`/api/validate-yaml` for a README's head. Weights go by Git LFS, as on Hugging Face's hub: its batch API, POST
`/<repo>.git/info/lfs/objects/batch`, answers where each object is PUT to and where that is confirmed, and the
commit has their SHA-256 only.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from samples.loopback import Handler, served

TOKEN = "hf_of_the_tests"
LARGE = ".bin"
"""What goes by LFS."""


@dataclass
class PublishingHub:
    """A running hub. repositories: the files of each, by path; objects: those of LFS, by SHA-256; private:
    the repositories that nobody else sees; status, object_status: what a commit, or an object, is answered
    with."""

    endpoint: str
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)
    status: int = 200
    object_status: int = 200


@contextmanager
def serve() -> Iterator[PublishingHub]:
    """Run a hub until the block ends."""

    class Own(_Handler):
        pass

    with served(Own) as endpoint:
        Own.hub = PublishingHub(endpoint)
        yield Own.hub


class _Handler(Handler):
    hub: PublishingHub

    def do_GET(self) -> None:
        self._answer(404, {"error": "Not found"})

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.hub.object_status == 200:
            self.hub.objects[hashlib.sha256(data).hexdigest()] = data
        self._answer(self.hub.object_status, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid username or password."})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(json.loads(body)["objects"])
        if path == "/confirm":
            return self._answer(200 if json.loads(body)["oid"] in self.hub.objects else 404, {})
        repository, _, step = path.removeprefix("/api/models/").rpartition("/main")[0].rpartition("/")
        if step == "preupload":
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = [
                {
                    "path": file,
                    "uploadMode": "lfs" if file.endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for file in files
            ]
            return self._answer(200, {"files": modes})
        return self._commit(repository, body)

    def _batch(self, objects: list[dict[str, object]]) -> None:
        upload = {"href": f"{self.hub.endpoint}/object"}, {"href": f"{self.hub.endpoint}/confirm"}
        for each in objects:
            if each["oid"] not in self.hub.objects:
                each["actions"] = dict(zip(("upload", "verify"), upload, strict=True))
        self._answer(200, {"transfer": "basic", "objects": objects})

    def _create(self, asked: dict[str, object]) -> None:
        name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else str(asked["name"])
        known = name in self.hub.repositories
        self.hub.repositories.setdefault(name, {})
        if asked.get("visibility") == "private" and not known:
            self.hub.private.add(name)
        self._answer(409 if known else 200, {"url": f"{self.hub.endpoint}/{name}", "name": name})

    def _commit(self, repository: str, body: bytes) -> None:
        if self.hub.status != 200:
            return self._answer(self.hub.status, {"error": "the hub is being mended"})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "header":
                self.hub.messages.append(line["value"]["summary"])
            if line["key"] == "file":
                data = base64.b64decode(line["value"]["content"])
                self.hub.repositories[repository][line["value"]["path"]] = data
            if line["key"] == "lfsFile":
                data = self.hub.objects[line["value"]["oid"]]
                self.hub.repositories[repository][line["value"]["path"]] = data
        url = f"{self.hub.endpoint}/{repository}/commit/{'0' * 40}"
        return self._answer(200, {"commitUrl": url, "commitOid": "0" * 40, "success": True})

    def _answer(self, status: int, answer: dict[str, object]) -> None:
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
