"""A part of a bucket of S3-compatible storage, and its failures in a sentence each."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlparse

from zoo.errors import PassingError, ZooError

OURS = ".zoo/"
"""What the names start with of what is neither input nor output of a job."""

_CREDENTIALS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_REFUSED = {
    *("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"),
    *("AuthorizationHeaderMalformed", "Forbidden"),
}
_FULL = {"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity"}
_UNMET = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}
_ABSENT = {"404", "NoSuchKey"}


class StorageError(PassingError):
    """Storage that cannot be reached, is full, or refuses: nothing of what is built is wrong."""


@dataclass(frozen=True)
class Stored:
    """An object. name: its key below the prefix; size: bytes; changed: seconds since 1970 by the clock of the
    storage; tag: its ETag, another for each content."""

    name: str
    size: int
    changed: float
    tag: str


class Bucket:
    """client: boto3's for S3. url: `s3://bucket/prefix`."""

    def __init__(self, client: Any, url: str) -> None:
        parsed = urlparse(url)
        self._client, self.url = client, url.rstrip("/")
        self._bucket = parsed.netloc
        self._prefix = f"{parsed.path.strip('/')}/".lstrip("/")
        self.now = 0.0
        """Seconds since 1970 by the clock of the storage, when it answered last."""

    def listed(self, below: str = "") -> list[Stored]:
        """All objects whose names start so. Raises StorageError, as all methods do."""
        with self._told():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + below
            )
            return list(self._stored(pages))

    def _stored(self, pages: Iterable[Any]) -> Iterator[Stored]:
        for page in pages:
            self._note_time(page)
            for found in page.get("Contents", ()):
                name = found["Key"].removeprefix(self._prefix)
                yield Stored(name, found["Size"], found["LastModified"].timestamp(), found["ETag"])

    def read(self, name: str) -> tuple[bytes, Stored] | None:
        """The bytes of an object, and what is known of it; None if there is none."""
        absent: list[str] = []
        with self._told(absent):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            self._note_time(answer)
            data: bytes = answer["Body"].read()
            return data, Stored(name, len(data), answer["LastModified"].timestamp(), answer["ETag"])
        assert absent
        return None

    def write(self, name: str, data: bytes, only_if: str | None = None) -> str | None:
        """Write an object; returns its ETag. only_if: the ETag that it must have so far, `*` for none at all;
        with another nothing is written, and None returned."""
        condition = {"IfNoneMatch": "*"} if only_if == "*" else {"IfMatch": only_if} if only_if else {}
        unmet: list[str] = []
        with self._told(unmet):
            key = self._prefix + name
            answer = self._client.put_object(Bucket=self._bucket, Key=key, Body=data, **condition)
            self._note_time(answer)
            tag: str = answer["ETag"]
            return tag
        assert unmet
        return None

    def remove(self, names: Iterable[str]) -> None:
        with self._told():
            for name in names:
                self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def _note_time(self, answer: Any) -> None:
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        self.now = parsedate_to_datetime(date).timestamp() if date else self.now

    @contextmanager
    def _told(self, expected: list[str] | None = None) -> Iterator[None]:
        """Raise what fails as a sentence; that an object is absent, or a condition unmet, goes into
        `expected` where that is given."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if expected is None or code not in _UNMET | _ABSENT:
                raise self._error(code, error.response["Error"].get("Message", "")) from error
            expected.append(code)
        except BotoCoreError as error:
            raise self._unanswered(error) from error

    def _error(self, code: str, message: str) -> ZooError:
        if code == "NoSuchBucket":
            return ZooError(f"{self.url}: there is no such bucket; make it, or name another in the profile")
        if code in _REFUSED:
            return StorageError(f"{self.url}: the storage refuses us ({code}); see {_CREDENTIALS}")
        if code in _FULL:
            return StorageError(f"{self.url}: the storage is full ({code}); free some of it and run again")
        return StorageError(f"{self.url}: the storage failed ({code}: {message}); run the same command again")

    def _unanswered(self, error: Exception) -> ZooError:
        kind = type(error).__name__
        if "Credentials" in kind:
            return ZooError(f"{self.url}: no credentials; set {_CREDENTIALS}, or AWS_PROFILE")
        return StorageError(
            f"{self.url}: the storage cannot be reached ({kind}); run the same command again when it can"
        )
