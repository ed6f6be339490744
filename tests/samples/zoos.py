"""Configurations in few words."""

from zoo.config.zoo import Zoo

ZOO = Zoo.of(
    {
        "models": {
            "one": {"timm": "resnet18", "weights": {"random": 0}, "artifacts": ["fp32", "int8", "fp32.onnx"]},
            "two": {"onnx": "two.onnx", "int8": {"shards": 2}, "artifacts": ["fp16"]},
            "hub": {"timm": "resnet18.a1_in1k", "artifacts": ["fp32"]},
        }
    }
)
ONE = ZOO.models["one"]
A76 = {"a76": {"emulate": "cortex-a76"}}
TARGETS = Zoo.of({"models": {"one": {"timm": "resnet18", "weights": {"random": 0}}}, "targets": A76})
BOARD = Zoo.of(
    {
        "models": {"one": {"timm": "resnet18", "weights": {"random": 0}}},
        "targets": A76 | {"pi5": {"ssh": "pi", "architecture": "x86_64"}},
    }
)
