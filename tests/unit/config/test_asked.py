"""What a build is asked for: models by name, and files that come without their proofs."""

from pathlib import Path

import pytest

from zoo.config.asked import BEST, Asked, shipped
from zoo.config.zoo import Zoo
from zoo.errors import EntryError
from zoo.jobs.files import sha256

ZOO = Zoo.of(
    {
        "models": {
            "here": {"timm": "resnet18", "weights": {"random": 0}},
            "hub": {"timm": "convnext_atto.d2_in1k"},
            "only-onnx": {"timm": "resnet18", "artifacts": ["fp32.onnx"]},
        }
    }
)


def renamed(name: str) -> str:
    return f"zoo_{name}"


def test_a_model_is_asked_for_by_its_name_as_it_is_there():
    assert Asked(ZOO, ("hub", "results/cpu/here/int8.param")).by_name == ["hub"]
    assert Asked(ZOO, ("zoo_hub",), renamed).by_name == ["hub"]
    assert not Asked(ZOO, ("hub",), renamed).by_name


def test_what_is_built_whole_is_what_is_named():
    assert list(Asked(ZOO, ("hub",)).models) == ["hub"]
    assert list(Asked(ZOO, ("embedded", "hub")).models) == ["here", "hub"]
    assert list(Asked(ZOO, ("all", "hub")).models) == ["here", "hub", "only-onnx"]
    assert not Asked(ZOO, ("results/report.html",)).models


def test_a_report_is_about_the_models_asked_for_or_else_those_that_need_no_hub():
    named = Asked(ZOO, ("hub",)).report(("cpu",))
    assert list(named.models) == ["hub"] and "results/cpu/hub/best.json" in named.proofs()
    alone = Asked(ZOO, ("results/report.html",)).report(("cpu",))
    assert list(alone.models) == ["here"] and "results/cpu/here/best.json" not in alone.proofs()
    assert "results/cpu/only-onnx/best.json" not in Asked(ZOO, ("only-onnx",)).report(("cpu",)).proofs()


def test_a_model_called_as_a_rule_is_refused():
    with pytest.raises(
        EntryError, match="models: hub: a model cannot be called hub, for `snakemake hub`"
    ) as told:
        Asked(ZOO, ()).refuse_names({"all", "hub"}.__contains__)
    assert told.value.where == ("models", "hub")
    Asked(ZOO, (), renamed).refuse_names({"all", "hub"}.__contains__)


def test_what_is_shipped_of_a_model_is_there_where_something_of_it_is_for_ncnn():
    files = shipped(ZOO, "here", ("cpu",))
    assert {f"results/cpu/here/{name}" for name in (*BEST, "int8.passed", "fp32.onnx.passed")} <= set(files)
    assert "results/report.html" in files
    assert "results/cpu/only-onnx/best.json" not in shipped(ZOO, "only-onnx", ("cpu",))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("results/cpu/here")
    folder.mkdir(parents=True)
    for name in ("fp16.param", "fp16.bin"):
        (folder / name).write_text(name)
    return folder


def test_a_file_without_a_proof_is_told_with_the_command_that_makes_one(folder: Path):
    asked = Asked(ZOO, ("results/cpu/here/fp16.param", "results/cpu/here/fp16.bin", "results/zoo.csv"))
    assert list(asked.unverified()) == [
        "results/cpu/here/fp16.param, results/cpu/here/fp16.bin are not verified: "
        "snakemake results/cpu/here/fp16.passed"
    ]
    assert list(Asked(ZOO, ("./results/cpu/here/fp16.bin",)).unverified())
    assert not list(Asked(ZOO, ("results/cpu/here/int8.param",)).unverified()), "it is not there"
    assert not list(Asked(ZOO, ("results/cpu/here/fp16.bin", "results/cpu/here/fp16.passed")).unverified())


def test_a_proof_counts_for_the_bytes_that_passed(folder: Path):
    files = [folder / "fp16.param", folder / "fp16.bin"]
    asked = Asked(ZOO, ("results/cpu/here/fp16.param",))
    (folder / "fp16.passed").write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files))
    assert not list(asked.unverified())
    files[1].write_text("another")
    assert list(asked.unverified())
