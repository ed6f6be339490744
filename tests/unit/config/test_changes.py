"""What counts as a change."""

import os
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from samples.artifacts import changed_in_time
from zoo.config import changes
from zoo.config.image_choice import images_for
from zoo.config.zoo import Model, Zoo
from zoo.errors import ZooError
from zoo.jobs.files import replacing


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    changes.set_state.cache_clear()
    return tmp_path


def declared(**entry) -> Zoo:
    return Zoo.of({"models": {"mine": entry}})


def model(**entry) -> Model:
    return declared(**entry).models["mine"]


def picture(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(path)


def test_code_counts_by_what_a_script_imports_and_by_pattern(folder: Path):
    scripts = folder / "scripts"
    (scripts / "zoo/runners").mkdir(parents=True)
    (scripts / "run.py").write_text("import zoo.used\n")
    (scripts / "zoo/used.py").write_text("A = 1\n")
    (scripts / "zoo/runners/ncnn_runner.py").write_text("B = 1\n")

    def states() -> tuple[str, str]:
        for cached in (changes.code_state, changes.code_hash.__globals__["_read"]):
            cached.cache_clear()
        return changes.code_state(scripts, "run.py"), changes.runtime_code_state(scripts, "run.py", "ncnn")

    before = states()
    (scripts / "zoo/runners/ncnn_runner.py").write_text("B = 2\n")
    after = states()
    assert before[0] == after[0] and before[1] != after[1]
    (scripts / "zoo/used.py").write_text("A = 2\n")
    assert states()[0] != before[0]


def test_another_release_of_what_does_the_work_is_a_change(folder: Path, monkeypatch: pytest.MonkeyPatch):
    scripts = folder / "scripts"
    scripts.mkdir()
    for name in ("verify.py", "reference.py", "weights.py"):
        (scripts / name).write_text("A = 1\n")

    def states() -> dict[str, str]:
        for cached in (changes.code_state, changes.release):
            cached.cache_clear()
        runtimes = {
            name: changes.runtime_code_state(scripts, "verify.py", name) for name in ("ncnn", "torch")
        }
        return runtimes | {name: changes.code_state(scripts, name) for name in ("reference.py", "weights.py")}

    def differing(package: str) -> set[str]:
        before = states()
        monkeypatch.setattr(changes, "version", lambda name: "9" if name == package else version(name))
        after = states()
        monkeypatch.setattr(changes, "version", version)
        return {name for name in before if before[name] != after[name]}

    assert differing("ncnn") == {"ncnn"}
    assert differing("torch") == {"torch", "reference.py"}, "weights that were trained stay"
    assert differing("numpy") == set()


def test_every_script_whose_tool_is_known_is_there():
    scripts = Path(__file__).resolve().parents[3] / "scripts"
    assert not [script for script in changes.TOOLS if not (scripts / script).is_file()]
    assert all(changes.release(each) != f"no {each}" for each in ("ncnn", "torch", "onnxruntime", "pnnx"))


def test_a_file_that_an_entry_names_counts_by_its_bytes_whatever_its_date(folder: Path):
    own = model(timm="resnet18", weights={"file": "a.pth"}, labels="names.txt")
    assert changes.source_state(own) == [None, None]
    (folder / "a.pth").write_bytes(b"1")
    first = changes.source_state(own)
    os.utime(folder / "a.pth", ns=(1, 1))
    assert changes.source_state(own) == first and first[1] is None
    changed_in_time(folder / "a.pth")
    assert changes.source_state(own) != first
    (folder / "a.pth").write_bytes(b"1")
    assert changes.source_state(own) == first


def test_a_file_is_read_once_and_one_that_cannot_be_read_is_a_state(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    own = model(timm="resnet18", weights={"file": "a.pth"})
    (folder / "a.pth").write_bytes(b"1")
    first = changes.source_state(own)

    def unreadable(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("zoo.jobs.made.sha256", unreadable)
    assert changes.source_state(own) == first
    (folder / "a.pth").write_bytes(b"2")
    assert "Permission denied" in str(changes.source_state(own))


def test_a_pinned_recipe_counts_by_its_bytes_whatever_its_date(folder: Path):
    own = Zoo.of({"int8": {"recipe": "mine.json"}, "models": {"mine": {"timm": "resnet18"}}}).models["mine"]
    (folder / "mine.json").write_text("{}")
    first = changes.pinned_state(own)
    changed_in_time(folder / "mine.json")
    assert first and changes.pinned_state(own) != first
    assert changes.pinned_state(model(timm="resnet18")) is None


def test_a_lock_depends_on_what_is_said_of_int8_but_not_on_who_calibrates(folder: Path):
    int8 = {"recipe": "mine.json", "lock": True, "shards": 3, "target": {"min_sqnr_db": 30}}
    own = Zoo.of({"int8": int8, "models": {"mine": {"timm": "resnet18"}}}).models["mine"]
    (folder / "mine.json").write_text("{}")
    assert changes.lock_settings(own) == {
        "recipe": "mine.json",
        "exclude": [],
        "target": {"min_sqnr_db": 30},
        "objective": "balanced",
        "pinned": changes.pinned_state(own),
    }
    assert changes.lock_settings(model(timm="resnet18"))["pinned"] is None


def with_data(name: str, inline: int = 0) -> str:
    """An ONNX file with weights in a file beside it, and so many numbers in itself."""
    weights = [numpy_helper.from_array(np.ones((2, 2), np.float32), "w")]
    graph = helper.make_graph([helper.make_node("Gemm", ["x", "w"], ["y"])], "g", [], [], weights)
    whole = helper.make_model(graph)
    onnx.save(whole, "m.onnx", save_as_external_data=True, location=name, size_threshold=0)
    if inline:
        whole = onnx.load("m.onnx", load_external_data=False)
        whole.graph.initializer.append(numpy_helper.from_array(np.zeros(inline, np.float32), "large"))
        onnx.save(whole, "m.onnx")
    return "m.onnx"


def test_a_large_onnx_file_is_looked_into_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "part").mkdir()
    own = model(onnx=with_data("part/m.data", inline=5 << 20))
    assert (folder / "m.onnx").stat().st_size > 16 << 20
    before = changes.source_state(own)
    looked = changes.data_of
    monkeypatch.setattr(changes, "data_of", lambda file: pytest.fail(f"{file} was looked into again"))
    changed_in_time(folder / "part/m.data")
    after = changes.source_state(own)
    assert len(after) == 2 and after[0] == before[0] and after[1] != before[1]
    monkeypatch.setattr(changes, "data_of", looked)
    with_data("other.data")
    assert changes.source_state(own)[1] not in (None, after[1])


@pytest.mark.parametrize("name", ["m.onnx.data", "w" * 200])
def test_the_weights_beside_an_onnx_file_count(folder: Path, name: str):
    own = model(onnx=with_data(name))
    before = changes.source_state(own)
    assert len(before) == 2 and None not in before
    changed_in_time(folder / name)
    after = changes.source_state(own)
    assert after[0] == before[0] and after[1] != before[1]
    (folder / name).unlink()
    assert changes.source_state(own) == [before[0], None]


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"timm": "resnet18"}, 0),
        ({"onnx": "a.onnx"}, 1),
        ({"torchscript": "a.pt", "labels": "names.txt"}, 2),
        ({"timm": "resnet18", "weights": {"train": {"images": "plants", "from": {"file": "a.pth"}}}}, 1),
    ],
)
def test_every_local_file_of_an_entry_counts(entry: dict, named: int):
    assert len(changes.source_state(model(**entry))) == named


def test_a_module_of_the_users_own_counts_with_what_it_imports(folder: Path):
    own = model(module="nets:detector").spec
    assert changes.entry_point_state(own) is None
    (folder / "nets").mkdir()
    (folder / "nets/__init__.py").write_text("def detector(): ...\n")
    assert changes.entry_point_state(own)


def test_only_a_module_of_the_users_own_adds_to_the_code_of_a_library():
    scripts = Path(__file__).resolve().parents[3] / "scripts"
    assert len(changes.library_code_state(scripts, "weights.py", model(timm="resnet18"))) == 1
    assert changes.library_code_state(scripts, "weights.py", model(module="nets:a"))[1] is None


def test_images_count_by_their_bytes_and_a_fault_is_a_state(folder: Path):
    zoo = declared(timm="resnet18", evaluation={"path": "photos"})
    chosen = images_for(zoo, "mine", "evaluation")
    assert "photos" in changes.images_state(chosen)
    changes.set_state.cache_clear()
    picture(folder / "photos/a.png", 1)
    first = changes.images_state(chosen)
    picture(folder / "photos/a.png", 2)
    changes.set_state.cache_clear()
    assert len(first) == 64 and changes.images_state(chosen) != first


def test_images_that_a_rule_writes_are_an_input_and_no_state():
    zoo = declared(timm="convnext_atto", weights={"train": "digits"})
    assert changes.images_state(images_for(zoo, "mine", "verification")) == changes.MADE_HERE
    assert changes.training_state(zoo.models["mine"]) == changes.MADE_HERE


def test_both_parts_of_a_trainings_images_count(folder: Path):
    own = model(timm="convnext_atto", weights={"train": "plants"})
    assert all("plants" in state for state in changes.training_state(own))
    changes.set_state.cache_clear()
    for name in ("oak", "elm"):
        for index in range(5):
            picture(folder / f"plants/{name}/{index}.png", index)
    train, test = changes.training_state(own)
    assert train != test


def test_a_made_file_that_was_changed_is_named_with_the_command_that_makes_it_anew(folder: Path):
    zoo = declared(timm="resnet18")
    changes.refuse_changed(zoo)
    made = [f"results/{name}" for name in ("cpu/mine/fp32.bin", "weights/mine.training", "zoo.csv")]
    for name in (*made, "results/cpu/gone/fp32.bin"):
        with replacing(name) as (path,):
            path.write_text("made")
    changes.refuse_changed(zoo)
    changed_in_time(folder / "results/cpu/gone/fp32.bin")
    changes.refuse_changed(zoo)
    changed_in_time(folder / made[0])
    sentence = f"{made[0]} is not what its job made.*: rm {made[0]} && snakemake {made[0]}$"
    with pytest.raises(ZooError, match=sentence):
        changes.refuse_changed(zoo)
    for name in made[1:]:
        changed_in_time(folder / name)
    changes.refuse_changed(zoo, only_checked=True)
    command = f"rm {' '.join(made)} && snakemake {made[0]} {made[2]}$"
    with pytest.raises(ZooError, match=f"are not what their jobs made.*: {command}"):
        changes.refuse_changed(zoo)
    data = "results/cpu/mine/fp32.onnx.data"
    with replacing(data.removesuffix(".data"), data) as both:
        for path in both:
            path.write_text("made")
    changed_in_time(folder / data)
    command = f"rm {data.removesuffix('.data')} {data} && snakemake {data.removesuffix('.data')}$"
    for name in made:
        (folder / name).unlink()
    with pytest.raises(ZooError, match=f"{data} is not what its job made.*: {command}"):
        changes.refuse_changed(zoo)


def test_what_neither_builds_nor_plans_takes_nothing_on_trust():
    for command in ("--unlock", "all --list", "-l", "--lint", "--cleanup-metadata=results/zoo.csv"):
        assert changes.builds_nothing(["snakemake", *command.split()])
    for command in ("", "all -j2", "--dry-run all", "list", "--rerun-incomplete"):
        assert not changes.builds_nothing(["snakemake", *command.split()])


def test_the_files_that_an_entry_names_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = {"timm": "resnet18", "weights": {"file": "mine.pth"}, "labels": "mine.txt"}
    own = Zoo.of({"models": {"mine": entry, "hub": {"timm": "resnet18.a1_in1k"}}}).models
    assert changes.source_files(own["mine"]) == [Path("mine.pth"), Path("mine.txt")]
    assert not changes.source_files(own["hub"])
