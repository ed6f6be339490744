"""Which records belong to a model, and how they are read."""

import pytest

from samples.report import benchmark, card, coverage, evaluation, row_of, search, sensitivity, verification
from zoo.config.records.conversion import Conversion
from zoo.errors import ZooError
from zoo.jobs.records import read_json, write_json
from zoo.report.page import render_html
from zoo.report.records import ModelRecords, read_records


def test_records_that_do_not_belong_are_refused():
    with pytest.raises(ZooError, match=r"net: was given the verification record of other"):
        row_of(verification("other"))
    with pytest.raises(ZooError, match=r"net: has two benchmark records of int8 on cpu"):
        row_of(benchmark("net"), benchmark("net"))


def test_searches_and_sensitivities_that_do_not_belong_are_refused():
    for kind, make in (("search", search), ("sensitivity", sensitivity)):
        with pytest.raises(ZooError, match=f"net: was given the {kind} record of other"):
            render_html([], [ModelRecords(card("net"), **{kind: [make("other")]})])
        with pytest.raises(ZooError, match=f"net: has two {kind} records of int8 on cpu"):
            render_html([], [ModelRecords(card("net"), **{kind: [make("net"), make("net")]})])


CONVERSION = Conversion("net", "cpu", "TorchScript", 1.0, 3)
WRITTEN = {
    "cpu/net/int8.verify.json": verification("net"),
    "cpu/net/int8.bench.json": benchmark("net"),
    "cpu/net/int8_static.onnx.eval.json": evaluation("net"),
    "cpu/net/int8.search.json": search("net"),
    "cpu/net/int8.sensitivity.json": sensitivity("net"),
    "cpu/net/fp32.conversion.json": CONVERSION,
    "cpu/net/calibration.coverage.json": coverage("net"),
    "cpu/other/fp32.verify.json": verification("other", artifact="fp32"),
}


@pytest.fixture
def folder(tmp_path):
    """The cards of two models and a third without proofs, and records of the two."""
    for name in ("net", "other", "bare"):
        card(name).write(tmp_path / f"{name}.json")
    for name, record in WRITTEN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_json(record.to_dict(), tmp_path / name)
    return tmp_path


def read(folder):
    cards = [folder / f"{name}.json" for name in ("net", "other", "bare")]
    return read_records(cards, [folder / name for name in WRITTEN])


def test_records_are_read_by_the_names_of_their_files_and_come_back_to_their_models(folder):
    net, other, bare = read(folder)
    proofs = [
        *net.verify,
        *net.bench,
        *net.eval,
        *net.search,
        *net.sensitivity,
        *net.conversion,
        *net.coverage,
    ]
    assert proofs == list(WRITTEN.values())[:7]
    assert list(other.verify) == [WRITTEN["cpu/other/fp32.verify.json"]]
    assert (bare.verify, bare.bench, bare.search) == ([], [], [])


@pytest.mark.parametrize("name", WRITTEN)
def test_a_record_that_is_broken_is_named_with_its_field(folder, name):
    values = read_json(folder / name)
    write_json(values | {"device": None}, folder / name)
    if "sensitivity" not in name:
        with pytest.raises(ZooError, match=rf"{name}: a broken .*\$\.device"):
            read(folder)
        write_json(values | {"version": 0}, folder / name)
        with pytest.raises(ZooError, match=rf"{name}: no .* as this version .*version 0, not 1"):
            read(folder)
    del values["device"]
    write_json(values, folder / name)
    with pytest.raises(ZooError, match=name):
        read(folder)


def test_a_file_that_is_no_record_is_refused(folder):
    with pytest.raises(ZooError, match=r"int8\.recipe\.json: no record of the report; those end in verify,"):
        read_records([], [folder / "int8.recipe.json"])


def test_an_artifact_that_is_not_the_one_verified_is_refused_and_one_that_is_gone_is_not(folder):
    (folder / "cpu/net/int8.bin").write_bytes(b"another")
    with pytest.raises(ZooError, match=r"cpu/net/int8\.bin is not the file that was verified"):
        read(folder)
