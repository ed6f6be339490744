"""Storage that speaks S3, in this process: moto's server, which can be full or not there."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

BUCKET = "zoos"
ACCESS_KEY, SECRET_KEY = "AKIATHISISATEST", "thisisasecretoftests"
_FULL = (
    b'<?xml version="1.0"?><Error><Code>XMinioStorageFull</Code>'
    b"<Message>Storage backend has reached its minimum free drive threshold.</Message></Error>"
)


@dataclass
class Storage:
    """A bucket, and a log of what was asked of it. full: nothing can be written that starts with this (a path
    with the bucket's name); sent: bytes of each object that was read, by its path."""

    server: BaseWSGIServer | None = None
    port: int = 0
    full: str | None = None
    sent: list[tuple[str, int]] = field(default_factory=list)
    requests: int = 0
    _application: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))

    def start(self) -> None:
        """Answer from now on, at the same port as before."""
        self.server = make_server("127.0.0.1", self.port, self._answer, threaded=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Answer nobody; what is stored stays."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.port}"
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": url,
            "SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "no_proxy": "127.0.0.1",
        }

    @property
    def client(self) -> Any:
        url = f"http://127.0.0.1:{self.port}"
        keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
        return boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)

    def objects(self, prefix: str = "") -> dict[str, int]:
        """Bytes of each object whose key starts so."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", ())}

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.requests += 1
        path = environ["PATH_INFO"]
        if self.full and environ["REQUEST_METHOD"] == "PUT" and path.startswith(self.full):
            start_response("507 Insufficient Storage", [("Content-Type", "application/xml")])
            return [_FULL]
        body = b"".join(self._application(environ, start_response))
        if environ["REQUEST_METHOD"] == "GET":
            self.sent.append((path, len(body)))
        return [body]


@contextmanager
def storage() -> Iterator[Storage]:
    """Storage with one bucket, which is empty."""
    it = Storage()
    it.start()
    try:
        it.client.create_bucket(Bucket=BUCKET)
        yield it
    finally:
        it.stop()
