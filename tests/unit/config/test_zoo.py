"""The zoo that a configuration declares."""

from pathlib import Path

import pytest

from zoo.config.artifacts import ARTIFACTS, BY_NAME
from zoo.config.settings import DEFAULT_GATES, Settings
from zoo.config.zoo import Demands, Model, Zoo
from zoo.errors import EntryError, ZooError

CONFIG = {
    "gates": {"int8": {"min_cosine": 0.95, "min_top1_agreement": 0.9}},
    "artifacts": ["fp32", "int8", "fp32.onnx"],
    "models": {
        "hub": {"timm": "convnext_atto.d2_in1k"},
        "local": {"timm": "resnet18", "weights": {"file": "a.pth"}, "gates": {"int8": {"min_cosine": 0.98}}},
        "digits": {
            "timm": "convnext_atto",
            "weights": {"train": "digits"},
            "artifacts": None,
            "gates": "none",
        },
        "plants": {"timm": "convnext_atto", "weights": {"train": "plants"}, "artifacts": ["int8"]},
        "given": {"onnx": "a.onnx", "artifacts": None, "evaluation": {"path": "val"}},
        "traced": {"torchscript": "a.pt"},
    },
}


@pytest.fixture
def zoo() -> Zoo:
    return Zoo.of(CONFIG, Path("/ncnn-zoo"))


def test_a_configuration_of_one_line_has_every_default():
    zoo = Zoo.of({"models": {"mine": {"timm": "convnext_atto.d2_in1k"}}})
    assert (zoo.devices, zoo.streams, zoo.image_sets, zoo.defaults) == (None, None, {}, {})
    model = zoo.models["mine"]
    assert model.settings == Settings() and model.choices == {}
    assert model.gates("int8") == DEFAULT_GATES["int8"].to_dict()
    assert model.artifacts("cpu") == [name for name in ARTIFACTS if name not in BY_NAME]


def test_gates_are_those_of_a_precision(zoo: Zoo):
    rest = {"min_sqnr_db": 20, "max_db_below_search": 3}
    assert zoo.models["hub"].gates("int8") == {"min_cosine": 0.95, "min_top1_agreement": 0.9, **rest}
    assert zoo.models["local"].gates("int8") == {"min_cosine": 0.98, "min_top1_agreement": 0.9, **rest}
    assert zoo.models["local"].gates("fp16") == DEFAULT_GATES["fp16"].to_dict()
    assert zoo.models["digits"].gates("int8") == {}


def test_where_weights_come_from_tells_models_apart(zoo: Zoo):
    kinds = {
        name: (model.fetched, model.trained, model.trained_on_packaged, model.imported)
        for name, model in zoo.models.items()
    }
    assert kinds == {
        "hub": (True, False, False, False),
        "local": (True, False, False, False),
        "digits": (False, True, True, False),
        "plants": (False, True, False, False),
        "given": (False, False, False, True),
        "traced": (False, False, False, True),
    }
    assert zoo.embedded == ["local", "digits", "plants", "given", "traced"]


def test_only_ncnns_artifacts_are_built_for_a_gpu(zoo: Zoo):
    assert zoo.models["hub"].artifacts("cpu") == ["fp32", "int8", "fp32.onnx"]
    assert zoo.models["hub"].artifacts("gpu") == ["fp32", "int8"]
    assert zoo.models["plants"].artifacts("cpu") == ["int8"]


def test_what_a_gpu_cannot_compute_is_not_built_for_one():
    entry = {"timm": "x", "artifacts": ["w4", "w8"], "w4": {"max_size": 0.2}}
    model = Zoo.of({"models": {"a": entry}}).models["a"]
    assert (model.artifacts("cpu"), model.artifacts("gpu")) == (["w4", "w8"], ["w8"])
    assert (model.max_size("w4"), model.max_size("w6")) == (0.2, None)


def test_a_model_that_is_an_onnx_file_has_no_torchscript_unless_it_is_listed(zoo: Zoo):
    assert "torchscript" not in zoo.models["given"].artifacts("cpu")
    assert "torchscript" in zoo.models["digits"].artifacts("cpu")
    listed = {"models": {"given": {"onnx": "a.onnx", "artifacts": ["torchscript"]}}}
    assert Zoo.of(listed).models["given"].artifacts("cpu") == ["torchscript"]


def test_a_training_gives_as_many_outputs_as_there_are_classes(zoo: Zoo):
    assert zoo.models["digits"].spec_values["args"] == {"num_classes": 10}
    assert zoo.models["digits"].spec.args == {}
    assert zoo.models["plants"].spec_values["args"] == {}, "its folder is missing: the training says so"


def test_a_training_on_a_packaged_data_set_takes_one_thread(zoo: Zoo):
    assert zoo.models["digits"].training_demands == Demands(threads=1, mem_mb=4000, gpu=0)
    assert zoo.models["plants"].training_demands == Demands(threads=8, mem_mb=12000, gpu=1)


def test_devices_that_are_named_are_taken():
    models = {"models": {"a": {"timm": "x"}}}
    assert Zoo.of(models | {"devices": ["gpu"]}).devices == ("gpu",)
    assert Zoo.of(models | {"devices": "auto"}).devices is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "no models are declared; add models: "),
        ({"models": None}, "no models are declared"),
        ({"models": {"a": None}}, "a: say which model it is"),
        ({"models": {"a": {}}}, "a: say which model it is by one of timm, torchvision"),
        ({"models": {"a": {"timm": "x", "colour": 1}}}, "a: unknown colour"),
        ({"models": {"a": {"timm": "x", "int8": {"colour": 1}}}}, "a: int8: unknown colour"),
        ({"models": {"a": {"timm": "x"}}, "colour": 1}, "config.yaml: unknown colour"),
        ({"models": {}, "int8": {"recipe": "autoo"}}, "^int8: recipe: unknown 'autoo'; did you mean auto\\?"),
        (
            {"models": {}, "image_sets": {"photos": {}}, "defaults": {"calibration": {"set": "fotos"}}},
            "^defaults: calibration: no image set is called fotos; did you mean photos\\?$",
        ),
        (
            {"models": {"a": {"timm": "x", "verification": {"set": "mine"}}}, "image_sets": {"photos": {}}},
            "^models: a: verification: no image set is called mine; declared are: photos$",
        ),
        (
            {"models": {"a": {"timm": "x", "verification": {"set": "mine"}}}},
            "no image set is called mine; declared are: none$",
        ),
        (
            {"models": {}, "sweep": "13/12"},
            "^sweep: '13/12' is no part of the list; 3/12 is the third of twelve$",
        ),
        ({"models": {}, "sweep": "1/0"}, "^sweep: '1/0' is no part"),
        (
            {"models": {}, "devices": ["CPU"]},
            "^devices: CPU is neither cpu nor gpu, .*; did you mean cpu\\?$",
        ),
        (
            {"models": {}, "targets": {"CPU": {"emulate": "cortex-a76"}}},
            "^targets: CPU differs from cpu in upper and lower case only",
        ),
        (
            {"models": {}, "targets": {"a": {"emulate": "cortex-a76"}, "A": {"emulate": "cortex-a53"}}},
            "^targets: A differs from a in upper and lower case only",
        ),
        (
            {"models": {}, "agent_layers": ["Convolution", "Convolutoin"]},
            "^agent_layers: ncnn has no layer Convolutoin; did you mean Convolution\\?$",
        ),
        (
            {"models": {"net": {"timm": "x"}, "Net": {"timm": "y"}}},
            "^models: Net differs from net in upper and lower case only, .*; give it another name$",
        ),
    ],
)
def test_what_no_zoo_can_be_made_of_is_refused_in_a_sentence(config: dict, message: str):
    with pytest.raises(ZooError, match=message):
        Zoo.of(config)


@pytest.mark.parametrize(
    ("weights", "where"),
    [
        ({"random": 1, "file": "t.pth"}, ("file",)),
        ({"hub": "owneronly"}, ("hub",)),
        ({"random": 1, "keys": "order"}, ("keys",)),
        ({"train": {"images": "a", "from": {"hub": "owneronly"}}}, ("train", "from", "hub")),
    ],
)
def test_what_is_wrong_with_weights_has_the_place_of_the_key(weights: dict, where: tuple[str, ...]):
    with pytest.raises(EntryError) as refused:
        Zoo.of({"models": {"m": {"timm": "x", "weights": weights}}})
    assert refused.value.where == ("models", "m", "weights", *where)


def test_a_target_is_a_device_that_can_be_listed():
    targets = {"a76": {"emulate": "cortex-a76"}}
    zoo = Zoo.of({"models": {}, "targets": targets, "devices": ["cpu", "a76"]})
    assert zoo.all_devices == ("cpu", "gpu", "a76") and zoo.devices == ("cpu", "a76")
    with pytest.raises(ZooError, match=r"devices: a53 is neither cpu nor gpu, nor one of targets \(a76\)"):
        Zoo.of({"models": {}, "targets": targets, "devices": ["a53"]})
    with pytest.raises(ZooError, match=r"nor one of targets \(a76\); did you mean a76\?") as refused:
        Zoo.of({"models": {}, "targets": targets, "devices": ["cpu", "a67"]})
    assert refused.value.where == ("devices", 1)
    with pytest.raises(ZooError, match=r"one of targets \(there are none\)"):
        Zoo.of({"models": {}, "devices": ["a53"]})


def test_a_target_is_not_judged_by_what_was_measured_elsewhere():
    model = Model.of("one", {"timm": "x"}, {})
    assert "max_db_below_search" in model.gates("int8") and "max_db_below_search" in model.gates(
        "int8", "gpu"
    )
    assert set(model.gates("int8")) - set(model.gates("int8", "a76")) == {"max_db_below_search"}


def test_fp16_is_to_reach_its_gate_on_a_target_and_what_is_asked_for():
    asked = {"timm": "x", "fp16": {"min_sqnr_db": 60}}
    model = Model.of("one", asked, {"gates": {"fp16": {"min_sqnr_db": 40}}})
    assert model.fp16_wanted("a76") == {"asked": 60, "gate": 40}
    model = Model.of("one", {"timm": "x"}, {"gates": "none"})
    assert model.fp16_wanted("a76") == {"asked": None, "gate": None}
