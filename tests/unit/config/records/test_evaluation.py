"""The record of an evaluation: what is written comes back, and what is none is refused by field."""

import pytest

from samples.report import evaluation
from zoo.config.records.evaluation import Evaluation
from zoo.errors import ZooError

KEYS = {"version", "model", "device", "artifact", "runtime", "image_set", "images", "labelled", "top1"}
KEYS |= {"top5", "reference_top1", "top1_drop", "agreement", "sqnr_db", "left_out", "hashes", "images_sha256"}
KEYS |= {"part_of"}


def test_the_keys_of_the_file_are_those_that_readers_know():
    assert set(evaluation("net").to_dict()) == KEYS


def test_what_was_not_measured_is_none_and_comes_back():
    record = evaluation("net", labelled=False)
    assert (record.top1, record.top5, record.top1_drop) == (None, None, None)
    assert Evaluation.from_dict(record.to_dict()) == record


def test_the_record_comes_back_from_its_file(tmp_path):
    record = evaluation("net")
    record.write(tmp_path / "int8.json")
    assert Evaluation.read(tmp_path / "int8.json") == record


def test_a_broken_record_is_refused_by_file_and_field():
    values = evaluation("net").to_dict()
    broken = values | {"runtime": values["runtime"] | {"name": None}}
    with pytest.raises(ZooError, match=r"^a/int8\.json: a broken evaluation .*\$\.runtime\.name"):
        Evaluation.from_dict(broken, "a/int8.json")
    with pytest.raises(ZooError, match=r"^a/int8\.json: no evaluation as this version .*version None, not 1"):
        Evaluation.from_dict({key: value for key, value in values.items() if key != "version"}, "a/int8.json")
