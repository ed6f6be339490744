"""What calibration images cover, as a record."""

from samples.report import coverage
from zoo.config.records.coverage import Coverage, Covered, LayerCoverage, Look


def test_the_record_comes_back(tmp_path):
    record = coverage("net", unlike=["the evaluation images are darker"])
    record.write(tmp_path / "calibration.coverage.json")
    assert Coverage.read(tmp_path / "calibration.coverage.json") == record


def test_the_worst_layer_is_the_one_that_most_values_exceed():
    layers = (
        LayerCoverage("far", 3, 1, 0.001),
        LayerCoverage("much", 1.5, 1, 0.02),
        LayerCoverage("in", 1, 0, 0),
    )
    found = Covered("evaluation", 64, Look(64, (0.0,), (1.0,), None), layers)
    assert found.worst.layer == "much"
    assert found.exceeded == 2
