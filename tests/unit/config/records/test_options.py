"""The record of an artifact's runtime options."""

import pytest

from zoo.config.records.options import OptionTrial, RuntimeOptions
from zoo.config.records.proof import RuntimeInfo
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.ncnn.options import Options

TRIAL = OptionTrial(
    round=1,
    name="no sgemm",
    switches={"use_sgemm_convolution": False},
    ratio=0.9,
    ratio_error=0.01,
    sqnr_db=70.0,
    taken=True,
)
RECORD = RuntimeOptions(
    model="net",
    device="cpu",
    artifact="int8",
    hashes={"int8.bin": "a"},
    options=Options({"use_sgemm_convolution": False}, 2),
    by_hand=("threads",),
    reason="it is faster",
    ratio=0.9,
    ratio_error=0.01,
    images=25,
    runtime=RuntimeInfo("ncnn", "1", "a CPU"),
    tried=(TRIAL,),
)


def test_a_record_is_read_back_as_it_was_written(tmp_path):
    RECORD.write(tmp_path / "int8.options.json")
    assert RuntimeOptions.read(tmp_path / "int8.options.json") == RECORD


@pytest.mark.parametrize(
    "options",
    [
        {"switches": {"use_vulkan_compute": True}, "threads": None},
        {"switches": {"num_threads": True}, "threads": None},
        {"switches": {}, "threads": 0},
        {"switches": {"use_sgemm_convolution": 1}, "threads": None},
    ],
)
def test_what_is_no_option_is_not_set(options):
    with pytest.raises(ZooError, match="int8: a broken record of runtime options"):
        RuntimeOptions.from_dict(RECORD.to_dict() | {"options": options}, "int8")


def test_files_of_other_bytes_are_refused_by_name(tmp_path):
    weights = tmp_path / "int8.bin"
    weights.write_bytes(b"weights")
    record = RuntimeOptions.from_dict(RECORD.to_dict() | {"hashes": {"int8.bin": sha256(weights)}})
    record.check_files([weights])
    with pytest.raises(ZooError, match=r"int8\.bin is not the file that its runtime options were found for"):
        RECORD.check_files([weights])
    with pytest.raises(ZooError, match="of no such file"):
        record.check_files([weights.rename(tmp_path / "fp16.bin")])
