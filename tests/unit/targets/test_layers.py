"""Which layer types are needed, from a source of ncnn in small."""

from pathlib import Path

import pytest

from samples.artifacts import pair
from samples.ncnn import small_network
from zoo.errors import ZooError
from zoo.targets.layers import cut_down, layer_types, made_inside, needed_types

SOURCE = {
    "CMakeLists.txt": "ncnn_add_layer(Conv)\nncnn_add_layer(ConvDepthWise)\nncnn_add_layer(Dense OFF)\n"
    "ncnn_add_layer(Padding)\n    ncnn_add_layer(Relu)\nncnn_add_layer(Lstm)\n",
    "mat.cpp": "Layer* padding = create_layer(LayerType::Padding);\nif (t == LayerType::Lstm) {}",
    "layer/conv.cpp": "",
    "layer/arm/conv_arm.cpp": "x = ncnn::create_layer_cpu(ncnn::LayerType::Dense);",
    "layer/arm/conv_arm_asimdhp.h": "y = create_layer_cpu(\n    ncnn::LayerType::ConvDepthWise);",
    "layer/x86/conv_x86.h": "Lstm_x86_utility::pack_A_tile(A, AT); create_layer_cpu(ncnn::LayerType::Relu)",
    "layer/mips/conv_mips.h": "Lstm_mips_utility::pack_A_tile(A, AT);",
    "layer/vulkan/conv_vulkan.cpp": "create_layer_vulkan(ncnn::LayerType::Lstm)",
    "layer/convdepthwise.cpp": "create_layer_cpu(ncnn::LayerType::Conv)",
    "layer/fused_activation.h": "create_layer_cpu(ncnn::LayerType::Relu)",
}


@pytest.fixture
def source(tmp_path) -> Path:
    for name, text in SOURCE.items():
        path = tmp_path / "ncnn/src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "ncnn"


def test_what_a_type_makes_inside_is_needed_too(source: Path):
    assert made_inside(source)["Conv"] == {"Dense", "ConvDepthWise"}
    assert needed_types(["Conv"], source) == ["Conv", "ConvDepthWise", "Dense", "Padding", "Relu"]
    assert needed_types(["Lstm"], source) == ["Lstm", "Padding", "Relu"]


def test_what_another_architecture_needs_is_not_needed(source: Path):
    assert made_inside(source, "x86_64")["Conv"] == {"Lstm", "Relu"}, "one calls functions of the other"
    assert needed_types(["Conv"], source, "x86_64") == ["Conv", "Lstm", "Padding", "Relu"]
    assert "WITH_LAYER_dense" in cut_down(["Conv"], source, "x86_64")


def test_all_others_are_left_out(source: Path):
    assert cut_down(["Conv"], source) == {"WITH_LAYER_lstm": "OFF"}
    assert cut_down([], source) == {
        f"WITH_LAYER_{name}": "OFF" for name in ("conv", "convdepthwise", "dense", "lstm")
    }


def test_a_type_that_ncnn_lacks_is_named(source: Path):
    with pytest.raises(ZooError, match="no layer type Attention, Mamba"):
        needed_types(["Mamba", "Conv", "Attention"], source)


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(ZooError, match="is no source of ncnn"):
        needed_types(["Conv"], tmp_path)


def test_the_types_of_a_model_are_those_of_its_file(tmp_path):
    types = layer_types([pair(small_network(), tmp_path)[0]])
    assert types == {layer.type for layer in small_network().layers}
