"""Exactly what must be rebuilt is rebuilt: judged by the jobs that real Snakemake would run."""

import shutil

import pytest

from samples.workflow import BUILT, Zoo, picture

pytestmark = pytest.mark.long(100)

INT8_OF_ONE = {
    "fp32 answers cpu/one",
    "calibrate cpu/one",
    "sensitivity cpu/one",
    "int8 candidates cpu/one",
    "int8 trials cpu/one",
    "int8 search cpu/one",
    "int8 cpu/one",
    "verify cpu/one/int8",
    "gate cpu/one/int8",
    "evaluate cpu/one/int8",
    "benchmark cpu/one/int8",
}
INT8_OF_BOTH = INT8_OF_ONE | {
    "calibrate cpu/two",
    "fp32 answers cpu/two",
    "sensitivity cpu/two",
    "int8 candidates cpu/two",
    "int8 trials cpu/two",
    "int8 search cpu/two",
    "int8 cpu/two",
}


def test_nothing_changed_runs_nothing(built_zoo: Zoo):
    assert built_zoo.pending() == set()


def test_an_edited_module_reruns_the_rules_that_import_it_and_what_follows(zoo: Zoo):
    append(zoo, "scripts/zoo/measure/benchmark.py", "EDITED = 1")
    assert zoo.pending() == {"benchmark cpu/one/int8"}
    append(zoo, "scripts/zoo/measure/accuracy.py", "EDITED = 1")
    assert zoo.pending() == {"benchmark cpu/one/int8", "evaluate cpu/one/int8"}


def test_an_edited_module_deep_in_the_imports_counts(zoo: Zoo):
    append(zoo, "scripts/zoo/calibration/statistics.py", "EDITED = 1")  # imported by all that makes int8
    assert zoo.pending() == INT8_OF_BOTH - {"fp32 answers cpu/one", "fp32 answers cpu/two"}


def test_an_edited_runner_reruns_only_what_runs_on_it(zoo: Zoo):
    append(zoo, "scripts/zoo/runners/onnxruntime_runner.py", "EDITED = 1")
    assert zoo.pending() == {"verify cpu/one/fp32.onnx", "gate cpu/one/fp32.onnx"}


def test_an_edited_script_reruns_its_rule(zoo: Zoo):
    append(zoo, "scripts/bench.py", "EDITED = 1")
    assert zoo.pending() == {"benchmark cpu/one/int8"}


def test_comments_and_docstrings_rerun_nothing(zoo: Zoo):
    append(zoo, "scripts/zoo/measure/benchmark.py", "# a comment")
    append(zoo, "scripts/bench.py", "\n# a comment\n")
    module = zoo / "scripts/zoo/measure/metrics.py"
    module.write_text(module.read_text().replace('"""How close', '"""How very close', 1))
    assert zoo.pending() == set()


def test_a_changed_model_entry_rebuilds_that_model_only(zoo: Zoo):
    zoo.configure(lambda config: config["models"]["two"]["weights"].update(random=2))
    pending = zoo.pending()
    assert "weights two" in pending and "int8 cpu/two" in pending
    assert not [job for job in pending if "one" in job]


@pytest.mark.long(60)
def test_an_added_calibration_image_rebuilds_int8_only(zoo: Zoo):
    picture(zoo / "photos/new.png", 200)
    assert zoo.pending() == INT8_OF_BOTH
    zoo.build(*BUILT)
    assert zoo.pending() == set()


def test_a_touched_image_rebuilds_nothing(zoo: Zoo):
    (zoo / "photos/0.png").touch()
    assert zoo.pending() == set()


def test_a_changed_gate_verifies_again_and_no_more(zoo: Zoo):
    zoo.configure(lambda config: config["gates"]["int8"].update(min_cosine=0.4))
    assert zoo.pending() == {"verify cpu/one/int8", "gate cpu/one/int8"}


@pytest.mark.long(80)
@pytest.mark.parametrize(
    ("file", "job"),
    [
        ("torchscript.pt", "torchscript cpu/one"),
        ("fp32.bin", "ncnn fp32 cpu/one"),
        ("calibration.npz", "calibrate cpu/one"),
        ("int8.table", "int8 cpu/one"),
        ("int8.search.json", "int8 search cpu/one"),
        ("int8.param", "int8 cpu/one"),
    ],
)
def test_a_deleted_artifact_is_rebuilt_alone(zoo: Zoo, file: str, job: str):
    (zoo / "results/cpu/one" / file).unlink()
    assert zoo.build(f"results/cpu/one/{file}") == {job}
    assert zoo.pending() == set(), "the same bytes came back, so nothing after them runs"


@pytest.mark.long(20)
def test_weights_fetched_again_with_the_same_bytes_rebuild_nothing(zoo: Zoo):
    (zoo / "results/weights/two.safetensors").unlink()
    (zoo / "results/weights/two.json").unlink()
    assert zoo.build("results/weights/two.json") == {"weights two"}
    assert zoo.pending() == set()


def test_a_moved_zoo_is_still_up_to_date(zoo: Zoo, tmp_path):
    shutil.move(zoo.folder, tmp_path / "elsewhere")
    assert Zoo(tmp_path / "elsewhere").pending() == set()


def append(zoo: Zoo, name: str, line: str) -> None:
    path = zoo / name
    path.write_text(path.read_text() + f"\n{line}\n")
