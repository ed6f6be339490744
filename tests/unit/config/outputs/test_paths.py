"""Where files lie."""

from samples.zoos import ONE, ZOO
from zoo.config.outputs import paths
from zoo.config.zoo import Zoo


def test_weights_come_from_the_users_file_or_from_the_one_they_are_kept_in():
    assert paths.source_file(ONE) == paths.weights_file(ONE) == "results/weights/one.safetensors"
    assert paths.source_file(ZOO.models["two"]) == "two.onnx"
    assert paths.weights_file(ZOO.models["two"]) == "results/weights/two.onnx"
    local = Zoo.of({"models": {"a": {"timm": "x", "weights": {"file": "a.pth"}}}}).models["a"]
    assert paths.source_file(local) == "a.pth"


def test_statistics_are_merged_from_shards_if_there_are_any():
    assert paths.calibration_shards("cpu", ONE) == []
    assert paths.calibration_shards("gpu", ZOO.models["two"]) == [
        "results/gpu/two/search/calibration-1-of-2.npz",
        "results/gpu/two/search/calibration-2-of-2.npz",
    ]
