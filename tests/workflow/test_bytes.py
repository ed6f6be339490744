"""What was made and changed since is named, and neither kept nor packed in silence."""

import os
import shutil

import pytest

from samples.artifacts import changed_in_time
from samples.workflow import Zoo

pytestmark = pytest.mark.long(40)

INT8 = "results/cpu/one/int8.bin"


def test_a_final_file_changed_with_its_time_kept_is_named_with_the_command_that_makes_it_anew(zoo: Zoo):
    before = (zoo / INT8).read_bytes()
    changed_in_time(zoo / INT8)
    for target in ("all", "results/cpu/one/int8.deploy.zip", INT8, "results/cpu/two/int8.param"):
        outcome = zoo.snakemake(target)
        assert outcome.status != 0 and not outcome.jobs
        assert f"{INT8} is not what its job made" in outcome.text
        assert f"make anew: rm {INT8} && snakemake {INT8}\n" in outcome.text
        assert "config.yaml" not in outcome.text and "Traceback" not in outcome.text
    for telling in ("--unlock", "--list"):  # they neither build nor plan
        assert zoo.typed(telling).status == 0
    (zoo / INT8).unlink()
    assert zoo.build(INT8) == {"int8 cpu/one"}
    assert (zoo / INT8).read_bytes() == before and zoo.pending() == set()


def test_the_gate_compares_the_bytes_where_nobody_kept_what_was_made(zoo: Zoo):
    shutil.rmtree(zoo / "results/.made")
    assert zoo.pending() == set()
    changed_in_time(zoo / INT8)
    (zoo / "results/cpu/one/int8.passed").unlink()
    outcome = zoo.snakemake("results/cpu/one/int8.deploy.zip")
    assert outcome.status != 0 and outcome.jobs >= {"gate cpu/one/int8"}
    assert f"error: cpu/one/int8 failed verification: {INT8} is not the file that was" in outcome.text
    assert not (zoo / "results/cpu/one/int8.deploy.zip").exists()


def test_a_copy_on_another_machine_is_up_to_date_and_told_from_a_changed_one(zoo: Zoo, tmp_path):
    for file in (zoo / "results").rglob("*"):
        if file.is_file():  # another inode and time of change, as a checkout gives
            shutil.copy2(file, tmp_path / "copy")
            (tmp_path / "copy").rename(file)
    assert zoo.pending() == set()
    changed_in_time(zoo / INT8)
    assert f"{INT8} is not what its job made" in zoo.snakemake("--dry-run", "all").text


@pytest.mark.long(40)
def test_a_pinned_recipe_replaced_by_an_older_one_is_a_change(zoo: Zoo):
    pinned = zoo / "mine.json"
    shutil.copy(zoo / "results/cpu/one/int8.recipe.json", pinned)
    zoo.configure(lambda config: config["int8"].update(recipe="mine.json"))
    zoo.build("results/cpu/one/int8.param")
    assert zoo.pending("results/cpu/one/int8.param") == set()
    os.utime(pinned, (1, 1))
    assert zoo.pending("results/cpu/one/int8.param") == set()
    pinned.write_text(pinned.read_text() + "\n")
    os.utime(pinned, (1, 1))
    assert "int8 candidates cpu/one" in zoo.pending("results/cpu/one/int8.param")
