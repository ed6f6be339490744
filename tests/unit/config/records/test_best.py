from pathlib import Path

from zoo.config.records.best import BestArtifact, Contender


def test_a_choice_is_read_back_as_it_was_written(tmp_path: Path):
    contenders = (
        Contender("int8", (), 30, 40.5, 1.5, 0.5),
        Contender("fp16", ("too coarse",), 60, None, None, None),
    )
    record = BestArtifact(
        "net", "cpu", "int8", "fastest", None, 3.5, 1, "it is", {"int8.bin": "a"}, contenders
    )  # fmt: skip
    record.write(tmp_path / "best.json")
    assert BestArtifact.read(tmp_path / "best.json") == record
