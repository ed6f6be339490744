"""Artifacts beside devices: the table, and files that are sound on one and not on another."""

from dataclasses import replace

import pytest

from samples.report import complete, verification
from zoo.config.records.verification import Verification
from zoo.report.devices import is_lower, side_by_side, unsound
from zoo.report.row import rows


def test_a_table_has_a_row_for_each_artifact_and_device():
    whole = complete("net", devices=("gpu", "cpu"))
    few = [row for row in rows([whole]) if (row.device, row.artifact) != ("gpu", "torchscript")]
    found = side_by_side(few)
    assert found and found.devices == ("cpu", "gpu")
    assert list(found.lines) == ["fp32", "fp16", "int8", "fp32.onnx", "torchscript"]
    assert all([row.device for row in line if row] for line in found.lines.values())
    assert [row and row.device for row in found.lines["torchscript"]] == ["cpu", None]
    assert [row and row.device for row in found.lines["int8"]] == ["cpu", "gpu"]


def test_one_device_needs_no_table():
    assert side_by_side(rows([complete("net", devices=("cpu",))])) is None


def test_it_says_where_only_a_part_of_the_images_was_taken():
    proofs = [proof("cpu", 40.0), proof("a76", 40.0, images=8, part_of=100)]
    table = rows([complete("net", devices=("cpu", "gpu"))])
    found = side_by_side(table, proofs)
    assert found and found.parts == {"a76": "on 8 of 100 images"}


def proof(device: str, sqnr_db: float, failures: tuple[str, ...] = (), **numbers: int) -> Verification:
    return verification("net", device, "fp16", failures, sqnr_db=sqnr_db, **numbers)


@pytest.mark.parametrize(
    ("here", "there", "lower"),
    [(48.8, 36.7, True), (48.8, 42.9, False), (130.0, 61.0, False), (48.8, None, False), (None, 1.0, False)],
)
def test_lower_is_twice_the_error_where_somebody_sees_it(
    here: float | None, there: float | None, lower: bool
):
    assert is_lower(here, there) is lower


def test_a_file_that_is_computed_more_coarsely_elsewhere_is_told():
    (said,) = unsound([proof("a76", 36.7), proof("cpu", 48.8), proof("a53", 48.8)])
    assert said == ("net: fp16 passes on cpu and on a76, coarser with the same weights: 48.8 dB and 36.7 dB.")


def test_a_file_that_fails_elsewhere_is_told_with_the_reason():
    (said,) = unsound([proof("cpu", 48.8), proof("a76", 12.0, failures=("it is NaN",))])
    assert said == "net: fp16 passes on cpu and fails on a76: it is NaN."


def test_what_fails_here_or_is_another_file_is_no_surprise():
    assert unsound([proof("cpu", 9.0, failures=("no",)), proof("a76", 9.0, failures=("no",))]) == []
    other = proof("gpu", 20.0)
    files = tuple(replace(file, sha256="another") for file in other.structure.files)
    another = replace(other, structure=replace(other.structure, files=files))
    assert unsound([proof("cpu", 48.8), another]) == []


def test_masks_in_the_graph_leave_a_file_the_same_one():
    other = proof("a76", 36.7)
    files = tuple(
        replace(file, sha256="masked") if file.name.endswith(".param") else file
        for file in other.structure.files
    )
    assert unsound([proof("cpu", 48.8), replace(other, structure=replace(other.structure, files=files))])
