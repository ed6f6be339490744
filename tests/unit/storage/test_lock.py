import json
import subprocess
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from zoo.errors import ZooError
from zoo.storage import lock as module
from zoo.storage.bucket import Bucket
from zoo.storage.lock import NAME, STALE_S, Holder, Lock

if TYPE_CHECKING:
    from samples.storage import Storage


@pytest.fixture
def bucket(place: "Storage", request: pytest.FixtureRequest) -> Bucket:
    return Bucket(place.client, f"s3://zoos/{request.node.name}")


def elsewhere(**different: object) -> Holder:
    return replace(Holder.own(), host="00000000-11111111", name="ann on far, process 7 in /x", **different)


def held_by(bucket: Bucket, holder: Holder) -> None:
    bucket.write(NAME, json.dumps(asdict(holder)).encode())


def test_one_at_a_time(bucket: Bucket):
    lock = Lock.take(bucket)
    with pytest.raises(ZooError, match=r"builds there; wait for its end, or stop it"):
        Lock.take(bucket)
    lock.renew()
    lock.renew()
    lock.release()
    assert bucket.read(NAME) is None
    Lock.take(bucket).release()


def test_one_elsewhere_is_named_and_dead_when_it_is_silent(bucket: Bucket, monkeypatch: pytest.MonkeyPatch):
    held_by(bucket, elsewhere())
    with pytest.raises(ZooError, match="ann on far, process 7 in /x builds there"):
        Lock.take(bucket)
    monkeypatch.setattr(module, "STALE_S", -1)
    Lock.take(bucket).release()
    assert STALE_S > 5 * module.RENEW_S


def test_one_of_this_machine_is_dead_when_its_process_is(bucket: Bucket):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    held_by(bucket, replace(Holder.own(), process=process.pid, nonce="a"))
    Lock.take(bucket).release()
    # a process of the same number that began at another time is another
    held_by(bucket, replace(Holder.own(), started=1.0, nonce="b"))
    Lock.take(bucket).release()


def test_who_was_taken_for_dead_learns_of_it(bucket: Bucket, monkeypatch: pytest.MonkeyPatch):
    lock = Lock.take(bucket)
    held_by(bucket, elsewhere())
    with pytest.raises(ZooError, match="ann on far"):
        lock.renew()
    lock.release()
    assert bucket.read(NAME) is not None, "it is the other's"


def test_a_record_that_is_broken_is_waited_for(bucket: Bucket, monkeypatch: pytest.MonkeyPatch):
    bucket.write(NAME, b"{")
    with pytest.raises(ZooError, match="another process builds there"):
        Lock.take(bucket)
    monkeypatch.setattr(module, "STALE_S", -1)
    Lock.take(bucket).release()
