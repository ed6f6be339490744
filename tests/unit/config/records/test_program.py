from pathlib import Path

from zoo.config.records.program import Program


def test_a_program_is_read_back_as_it_was_written(tmp_path: Path):
    record = Program("net", "a76", "int8", "aarch64", 9, "a", ("Bias", "ReLU"), "1.0.1", "g++ 12", "b")
    record.write(tmp_path / "int8.program.json")
    assert Program.read(tmp_path / "int8.program.json") == record
