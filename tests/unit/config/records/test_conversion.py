"""The record of the way to ncnn."""

from zoo.config.records.conversion import Conversion, Failure


def test_the_record_comes_back_from_its_file(tmp_path):
    record = Conversion("net", "cpu", "ONNX", 0.99999, 3, (Failure("TorchScript", "no torch.var"),))
    record.write(tmp_path / "fp32.conversion.json")
    assert Conversion.read(tmp_path / "fp32.conversion.json") == record
    assert set(record.to_dict()) == {"version", "model", "device", "way", "cosine", "inputs", "failed"}
