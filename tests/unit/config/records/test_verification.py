"""The record of a verification: what is written comes back, and what is none is refused by field."""

from dataclasses import replace

import pytest

from samples.report import verification
from zoo.config.records.verification import (
    ClosenessAtShapes,
    Cosine,
    FileFacts,
    Numbers,
    OutputCloseness,
    Structure,
    Verification,
)
from zoo.errors import ZooError
from zoo.jobs.files import sha256

KEYS = {"version", "model", "device", "artifact", "runtime", "structure", "numbers", "divergence", "verdict"}
KEYS |= {"searched", "options"}


def test_the_keys_of_the_file_are_those_that_readers_know():
    values = verification("net").to_dict()
    assert set(values) == KEYS
    assert set(values["structure"]) == {"ok", "problems", "files", "layers", "layer_types"}
    assert set(values["numbers"]) >= {
        *("images", "cosine", "sqnr_db", "max_abs_error", "top1_agreement", "image_set")
    }
    assert set(values["divergence"]) == {"reference", "threshold", "images", "first", "layers"}
    assert set(values["verdict"]) == {"passed", "failures", "gates"}


def test_numbers_of_several_outputs_and_a_second_shape_come_back():
    whole = verification("net")
    output = OutputCloseness((3, 4, 4), Cosine(0.5, 0.75), 20.0, None)
    figures = {"images": 2, "cosine": Cosine(0.5, 0.75), "sqnr_db": 20.0, "max_abs_error": None}
    figures |= {"top1_agreement": None, "outputs": (output, output)}
    second = ClosenessAtShapes(**figures, shapes=((3, 12, 10), (6,)))
    numbers = Numbers(**figures, image_set="heldout", second=second)
    assert Verification.from_dict(replace(whole, numbers=numbers).to_dict()).numbers == numbers


def test_the_record_comes_back_from_its_file(tmp_path):
    record = verification("net")
    record.write(tmp_path / "int8.json")
    assert Verification.read(tmp_path / "int8.json") == record


def test_a_broken_record_is_refused_by_file_and_field():
    values = verification("net").to_dict()
    broken = values | {"structure": values["structure"] | {"ok": None}}
    with pytest.raises(ZooError, match=r"^a/int8\.json: a broken verification .*\$\.structure\.ok"):
        Verification.from_dict(broken, "a/int8.json")
    with pytest.raises(
        ZooError, match=r"^a/int8\.json: no verification as this version .*version None, not 1"
    ):
        Verification.from_dict(
            {key: value for key, value in values.items() if key != "version"}, "a/int8.json"
        )


def test_files_that_are_not_those_verified_are_named_with_the_command_that_makes_them(tmp_path):
    whole = verification("net")
    files = [tmp_path / facts.name for facts in whole.structure.files]
    whole.check_files(files, lambda file: whole.hashes[file.name])
    command = f"rm {files[1]} && snakemake {tmp_path}/int8.passed"
    with pytest.raises(ZooError, match=rf"{files[1]} is not the file that was verified.*: {command}$"):
        whole.check_files(files, lambda file: whole.hashes[files[0].name])
    with pytest.raises(ZooError, match="of no such file"):
        whole.check_hash(tmp_path / "int8.onnx", "0" * 64)


def test_the_data_that_was_verified_with_an_onnx_file_is_compared_too(tmp_path):
    model, data = tmp_path / "fp32.onnx", tmp_path / "fp32.onnx.data"
    for file in (model, data):
        file.write_bytes(b"sound")
    facts = tuple(FileFacts(file.name, 5, sha256(file)) for file in (model, data))
    whole = replace(verification("net"), artifact="fp32.onnx", structure=Structure(True, (), facts))
    whole.check_files([model])
    data.write_bytes(b"other")
    command = f"rm {model} {data} && snakemake {tmp_path}/fp32.onnx.passed"
    with pytest.raises(ZooError, match=rf"{data} is not the file that was verified.*: {command}$"):
        whole.check_files([model])
