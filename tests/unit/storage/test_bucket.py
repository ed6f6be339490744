from typing import TYPE_CHECKING

import boto3
import pytest

from zoo.errors import PassingError, ZooError
from zoo.storage.bucket import Bucket

if TYPE_CHECKING:
    from samples.storage import Storage


def test_objects_are_written_read_listed_and_removed(place: "Storage"):
    bucket = Bucket(place.client, "s3://zoos/objects/")
    tag = bucket.write("a/one", b"1")
    assert tag is not None
    data, stored = bucket.read("a/one") or (b"", None)
    assert data == b"1" and stored is not None and (stored.name, stored.size, stored.tag) == ("a/one", 1, tag)
    assert [(each.name, each.tag) for each in bucket.listed()] == [("a/one", tag)]
    assert abs(bucket.now - stored.changed) <= 1
    bucket.remove(["a/one", "never there"])
    assert bucket.read("a/one") is None and bucket.listed() == []


def test_a_condition_that_is_not_met_writes_nothing(place: "Storage"):
    bucket = Bucket(place.client, "s3://zoos/conditions")
    first = bucket.write("a", b"1", only_if="*")
    assert first is not None and bucket.write("a", b"2", only_if="*") is None
    second = bucket.write("a", b"3", only_if=first)
    assert second is not None and bucket.write("a", b"4", only_if=first) is None
    data, _ = bucket.read("a") or (b"", None)
    assert data == b"3"


def test_what_fails_is_a_sentence(place: "Storage"):
    with pytest.raises(ZooError, match="s3://nowhere/a: there is no such bucket; make it"):
        Bucket(place.client, "s3://nowhere/a").listed()
    place.full = "/zoos/full"
    try:
        with pytest.raises(PassingError, match=r"s3://zoos/full: the storage is full \(XMinioStorageFull\)"):
            Bucket(place.client, "s3://zoos/full").write("a", b"1")
    finally:
        place.full = None


def test_storage_that_is_not_there_is_a_sentence():
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "hidden"}
    client = boto3.client("s3", endpoint_url="http://127.0.0.1:9", region_name="us-east-1", **keys)
    with pytest.raises(PassingError, match="s3://zoos/a: the storage cannot be reached") as caught:
        Bucket(client, "s3://zoos/a").read("b")
    assert "hidden" not in str(caught.value)
