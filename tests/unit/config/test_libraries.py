"""What is known of a library before it is loaded."""

from dataclasses import replace
from inspect import signature
from pathlib import Path

import timm
import torchvision

from zoo.config.artifacts import ARTIFACTS
from zoo.config.libraries import LIBRARIES
from zoo.config.model_spec import ModelSpec
from zoo.config.training.images import with_classes


def test_files_bring_their_weights_and_are_kept_as_they_are():
    files = {name: kind.suffix for name, kind in LIBRARIES.items() if kind.is_file}
    assert files == {"onnx": ".onnx", "torchscript": ".pt"}
    assert all(LIBRARIES[name].brings_weights and LIBRARIES[name].is_artifact for name in files)
    assert {kind.suffix for kind in LIBRARIES.values() if not kind.is_file} == {".safetensors"}


def test_artifacts_are_called_by_their_names():
    for kind in LIBRARIES.values():
        assert {*kind.without, *filter(None, [kind.is_artifact])} <= set(ARTIFACTS)


def test_what_is_reserved_of_timm_is_an_argument_there():
    known = set(signature(timm.create_model).parameters)
    known |= {"exportable", "features_only", "no_jit", "scriptable"}  # of its **kwargs
    assert set(LIBRARIES["timm"].reserved_arguments) <= known | {"pretrained_cfg", "pretrained_cfg_overlay"}


def test_a_model_that_is_trained_gets_as_many_classes_where_its_library_takes_a_number():
    def args(entry, **own):
        spec = ModelSpec.from_config("net", entry)
        return with_classes(replace(spec, args=own), 7).args

    assert args({"timm": "resnet18"}) == args({"torchvision": "resnet18"}) == {"num_classes": 7}
    assert args({"timm": "resnet18"}, num_classes=5) == {"num_classes": 5}
    assert args({"open_clip": "RN50"}) == args({"module": "nets:net"}) == {}
    model = torchvision.models.get_model("squeezenet1_1", weights=None, num_classes=7)
    assert model.num_classes == 7


def test_the_table_needs_no_library():
    imports = Path("scripts/zoo/config/libraries.py")
    assert "import timm" not in (Path(__file__).parents[3] / imports).read_text()
