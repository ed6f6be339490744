"""A bundle's program: what CMake is given, and what is on record; without a compiler."""

from pathlib import Path

import pytest

from samples.artifacts import pair, proof
from samples.cards import card
from samples.ncnn import small_network
from zoo.deploy import compiled
from zoo.deploy.bundle import write_bundle
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.targets.cmake import Tools


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    files = pair(small_network(), tmp_path, "int8")
    write_bundle(card(), proof(*files, name="int8", device="a76"), *files, tmp_path / "int8.deploy.zip")
    return tmp_path / "int8.deploy.zip"


def test_a_program_is_made_of_the_bundles_own_files(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str
) -> None:
    monkeypatch.setattr(compiled, "tools_for", lambda architecture: Tools(compiler, "g++"))
    monkeypatch.setattr(Tools, "check", lambda tools, what: None)
    fetched = []

    def fetch(requirements: Path, folder: Path) -> None:
        fetched.append(requirements)
        (folder / "ncnn").mkdir(parents=True)

    def built(name, sources, build, tools, definitions, processes):
        assert name == "classify" and (sources / "CMakeLists.txt").is_file() and processes == 3
        assert Path(definitions["NCNN_SOURCE"]).is_absolute() and (sources / "ncnn.cmake").is_file()
        build.mkdir(exist_ok=True)
        (build / "layer-types.txt").write_text("Bias\nReLU\n")
        (build / name).write_text("a program")
        return build / name

    monkeypatch.setattr(compiled, "fetch", fetch)
    monkeypatch.setattr(compiled, "built", built)
    for _ in range(2):
        made = compiled.compile_program(
            bundle, "aarch64", Path("pins"), tmp_path / "x", tmp_path / "classify", 3
        )
    assert fetched == [Path("pins")], "what is there is taken again"
    assert (made.model, made.device, made.artifact) == ("small", "a76", "int8")
    assert (made.bytes, made.layer_types) == (9, ("Bias", "ReLU"))
    assert made.sha256 == sha256(tmp_path / "classify") and made.bundle == sha256(bundle)
    assert made.ncnn.startswith("1.0.") and "g++" in made.compiler


def test_a_missing_compiler_is_named(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ZooError, match=r"the program for aarch64 cannot be built .* install g\+\+"):
        compiled.compile_program(bundle, "aarch64", Path("pins"), tmp_path / "x", tmp_path / "classify")
