"""What the keys of an entry say together that no model can be."""

import pytest

from zoo.config.checks.entry import check_spec
from zoo.config.model_spec import ModelSpec
from zoo.errors import EntryError


@pytest.mark.parametrize(
    ("entry", "said", "where"),
    [
        ({"preprocess": {"mean": [0.5, 0.5]}}, "2 numbers, and there is one for", ("preprocess", "mean")),
        (
            {"preprocess": {"std": [0.5], "channels": "RGB"}},
            "1 number for the 3 channels of RGB",
            ("preprocess", "std"),
        ),
        (
            {"preprocess": {"mean": [0.5], "std": [0.5, 0.5, 0.5]}},
            "3 numbers, and mean has 1",
            ("preprocess", "std"),
        ),
        ({"inputs": [{"name": "a"}, {}, {"name": "a"}]}, "two inputs are called a", ("inputs", 2, "name")),
        (
            {"inputs": [{"shape": [3, 32, 32], "second_shape": [3, 32]}]},
            "2 dimensions, and shape has 3; both take as many",
            ("inputs", 0, "second_shape"),
        ),
        ({"args": {"num_classes": "ten"}}, "a whole number of classes .* not ten", ("args", "num_classes")),
        ({"args": {"num_classes": -1}}, "a whole number of classes belongs there", ("args", "num_classes")),
    ],
)
def test_it_is_refused_with_its_place(entry: dict, said: str, where: tuple[str | int, ...]):
    with pytest.raises(EntryError, match=said) as refused:
        check_spec(ModelSpec.from_config("m", {"timm": "resnet18", **entry}))
    way = "".join(f"{part}: " for part in where)
    assert str(refused.value).startswith(f"models: m: {way}")
    assert refused.value.where == ("models", "m", *where)


@pytest.mark.parametrize(
    "entry",
    [
        {"timm": "resnet18", "args": {"num_classes": 0}},
        {"timm": "resnet18", "preprocess": {"mean": [0.5], "std": [0.2], "channels": "GRAY"}},
        {"timm": "resnet18", "preprocess": {"mean": [0.5], "crop_pct": 1}},
        {"module": "nets:two", "args": {"num_classes": "ten"}},
        {"module": "nets:two", "inputs": [{}, {"name": "a", "shape": [3], "second_shape": [5]}, {}]},
    ],
)
def test_what_may_be_passes(entry: dict):
    check_spec(ModelSpec.from_config("m", entry))
