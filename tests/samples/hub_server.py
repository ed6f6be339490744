"""A model hub on loopback: as much of the protocol as huggingface_hub needs to download a file.

Read in huggingface_hub 2.4 (`file_download.py`, `utils/_http.py`): a HEAD and a GET of
`/<owner>/<name>/resolve/<revision>/<file>`, the headers X-Repo-Commit, ETag, X-Linked-Size and
X-Linked-ETag, and X-Error-Code beside an error status.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from samples.loopback import Handler, served

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repository:
    """A repository's files, and how the hub answers for it."""

    files: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    error: str | None = None
    """X-Error-Code beside another status than 200."""
    linked: bool = False
    """Large files are redirected to another host, as the real hub does."""
    lost: int = 0
    """Bytes missing at the end of every file that is sent."""
    drops: int = 0
    """How many downloads break off halfway before one succeeds."""


@dataclass
class Hub:
    """A running hub; `repositories` may change while it runs."""

    endpoint: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """(method, path) of every request, in order."""


@contextmanager
def serve() -> Iterator[Hub]:
    """Run a hub until the block ends."""

    class Own(_Handler):
        pass

    with served(Own) as endpoint:
        Own.hub = Hub(endpoint)
        yield Own.hub


class _Handler(Handler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        self.hub.requests.append((self.command, self.path))
        address = unquote(urlsplit(self.path).path)
        host, _, path = address.removeprefix("/linked").lstrip("/").partition("/resolve/")
        repository = self.hub.repositories.get(host)
        revision, _, name = path.partition("/")
        if repository is None:
            return self._error(401, "RepoNotFound")
        if repository.status != 200:
            return self._error(repository.status, repository.error)
        if revision not in ("main", "v1", COMMIT):
            return self._error(404, "RevisionNotFound")
        if name not in repository.files:
            return self._error(404, "EntryNotFound")
        content = repository.files[name]
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        if repository.linked and not self.path.startswith("/linked"):
            location = f"{self.hub.endpoint.replace('127.0.0.1', 'localhost')}/linked{self.path}"
            linked = {"Location": location, "X-Linked-ETag": etag, "X-Linked-Size": str(len(content))}
            return self._send(302, {"X-Repo-Commit": COMMIT, **linked})
        return self._file(repository, content, {"X-Repo-Commit": COMMIT, "ETag": etag}, body)

    def _file(self, repository: Repository, content: bytes, headers: dict[str, str], body: bool) -> None:
        start = int((self.headers.get("Range") or "bytes=0-")[len("bytes=") :].partition("-")[0])
        end = len(content) - (repository.lost if body else 0)
        if start:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        self._send(206 if start else 200, headers, end - start)
        if not body:
            return
        if repository.drops:
            repository.drops -= 1
            end = (start + end) // 2
            self.close_connection = True
        self.wfile.write(content[start:end])

    def _error(self, status: int, code: str | None) -> None:
        self._send(status, {"X-Error-Code": code} if code else {})

    def _send(self, status: int, headers: dict[str, str], length: int = 0) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(key, value)
        self.end_headers()
