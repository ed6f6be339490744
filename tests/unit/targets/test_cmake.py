"""What compiles ncnn for a target: tools, and which layer types, from a source of ncnn in small."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import require
from samples.artifacts import pair
from samples.ncnn import small_network
from zoo.errors import ZooError
from zoo.targets.cmake import NCNN, Tools, built, tools_for

SOURCE = {
    "CMakeLists.txt": "ncnn_add_layer(Conv)\nncnn_add_layer(ConvDepthWise)\nncnn_add_layer(Dense OFF)\n"
    "ncnn_add_layer(Padding)\n    ncnn_add_layer(Relu)\nncnn_add_layer(Lstm)\n",
    "mat.cpp": "Layer* padding = create_layer(LayerType::Padding);\nif (t == LayerType::Lstm) {}",
    "layer/conv.cpp": "",
    "layer/arm/conv_arm.cpp": "x = ncnn::create_layer_cpu(ncnn::LayerType::Dense);",
    "layer/arm/conv_arm_asimdhp.h": "y = create_layer_cpu(\n    ncnn::LayerType::ConvDepthWise);",
    "layer/vulkan/conv_vulkan.cpp": "create_layer_vulkan(ncnn::LayerType::Lstm)",
    "layer/x86/conv_x86.cpp": "Lstm_x86_utility::transform_input_tiles(1);",
    "layer/convdepthwise.cpp": "create_layer_cpu(ncnn::LayerType::Conv)",
    "layer/fused_activation.h": "create_layer_cpu(ncnn::LayerType::Relu)",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in SOURCE.items():
        path = tmp_path / "ncnn/src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "ncnn"


def said(folder: Path, *lines: str, processor: str = "aarch64") -> str:
    """What a script for CMake prints after ncnn.cmake, where `show` prints a list, on a processor."""
    require(shutil.which("cmake") is not None, "CMake (Debian's package cmake)")
    show = 'macro(show list)\n  message(STATUS "${list}")\nendmacro()'
    script = ["cmake_minimum_required(VERSION 3.13)", "set(CMAKE_CXX_COMPILER true)"]
    script += [f"set(CMAKE_SYSTEM_PROCESSOR {processor})"]
    script += [f"include({NCNN}/ncnn.cmake)", show, *lines]
    (folder / "script.cmake").write_text("\n".join(script))
    done = subprocess.run(["cmake", "-P", "script.cmake"], cwd=folder, capture_output=True, text=True)
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("types", "needed"),
    [("Conv", "Conv;ConvDepthWise;Dense;Padding;Relu"), ("Lstm", "Lstm;Padding;Relu"), ("", "Padding;Relu")],
)
def test_what_a_type_makes_inside_is_needed_too(source: Path, types: str, needed: str):
    lines = (f'needed_layer_types({source} "{types}" needed)', 'show("${needed}")')
    assert said(source.parent, *lines) == f"-- {needed}"


def test_each_architecture_has_layers_of_its_own(source: Path):
    lines = (f"needed_layer_types({source} Conv needed)", 'show("${needed}")')
    assert said(source.parent, *lines, processor="x86_64") == "-- Conv;Lstm;Padding;Relu"
    assert said(source.parent, *lines, processor="sparc") == "-- Conv;Padding;Relu"


def test_all_others_are_left_out(source: Path):
    (source / "CMakeLists.txt").touch()
    without_compiling = "macro(add_subdirectory)\nendmacro()"
    shown = 'show("${WITH_LAYER_conv} ${WITH_LAYER_lstm}")'
    told = said(source.parent, without_compiling, f"add_ncnn({source} Lstm)", shown)
    assert told == "-- ncnn with 3 of its 6 layer types -- OFF ON"
    text = (source.parent / "layer-types.txt").read_text()
    assert text.split() == ["Lstm", "Padding", "Relu"]
    assert "6 of its 6" in said(source.parent, without_compiling, f"add_ncnn({source} ALL)")


def test_a_type_that_ncnn_lacks_is_named(source: Path):
    told = said(source.parent, f'needed_layer_types({source} "Conv;Mamba" needed)')
    assert "error: this source of ncnn has no layer type Mamba" in told


def test_what_is_no_source_is_refused(tmp_path: Path):
    assert f"error: {tmp_path} is no source of ncnn" in said(
        tmp_path, f"declared_layer_types({tmp_path} all)"
    )


def test_the_types_of_a_model_are_those_of_its_file(tmp_path: Path):
    param = pair(small_network(), tmp_path)[0]
    told = said(tmp_path, f"layer_types_of({param} types)", 'show("${types}")').removeprefix("-- ")
    assert set(told.split(";")) == {layer.type for layer in small_network().layers}


def test_a_machine_builds_for_itself_and_for_what_it_has_cross_compilers_for():
    for architecture, compiler in (
        ("aarch64", "aarch64-linux-gnu-g++"),
        ("armhf", "arm-linux-gnueabihf-g++"),
        ("riscv64", "riscv64-linux-gnu-g++"),
    ):
        tools = tools_for(architecture, "x86_64")
        assert tools.compiler == compiler and tools.toolchain == f"toolchain-{architecture}.cmake"
        assert compiler in (NCNN / tools.toolchain).read_text()
        with pytest.raises(ZooError, match=re.escape(f"install {tools.package} (Debian's packages)")):
            replace(tools, compiler="no-such-compiler").check("it")
    assert tools_for("aarch64", "arm64").toolchain is tools_for("x86_64", "x86_64").toolchain is None
    expected = "nothing is built for mips here, but for aarch64, armhf, riscv64 and x86_64"
    with pytest.raises(ZooError, match=expected):
        tools_for("mips", "x86_64")


def test_what_is_missing_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    tools = Tools("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu")
    with pytest.raises(ZooError, match=r"it cannot be built .* install g.*-linux-gnu cmake make some-dev"):
        tools.check("it", {"some-dev": False, "other-dev": True})


def test_what_does_not_build_is_told_in_the_compilers_words(tmp_path: Path, compiler: str):
    require(shutil.which("cmake") is not None, "CMake (Debian's package cmake)")
    (tmp_path / "it.cpp").write_text("int main() { return nowhere; }")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(it CXX)\nadd_executable(it it.cpp)\n"
    )
    with pytest.raises(ZooError, match=r"the program it does not build: .*nowhere.* was not declared"):
        built("it", tmp_path, tmp_path / "build", Tools("g++", "g++"), {})
