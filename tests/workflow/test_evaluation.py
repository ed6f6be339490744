"""`snakemake evaluate`: report and table of the tiny zoo, on labelled images that one line names."""

import csv
import shutil

import pytest

from samples.workflow import Zoo, picture
from zoo.config.records.card import ModelCard
from zoo.config.records.coverage import Coverage

pytestmark = pytest.mark.long(60)


def label(folder, *classes):
    """Two pictures in a folder for each class."""
    for index, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(2):
            picture(folder / name / f"{number}.png", 30 * index + 10 * number)


def alone(config):
    config["models"].pop("two")
    config["defaults"]["evaluation"] = {"path": "val", "labels": True}


def test_evaluate_brings_the_table(zoo: Zoo):
    zoo.configure(alone)
    label(zoo / "val", "n01440764", "n15075141")  # the first and the last of ImageNet's thousand
    jobs = zoo.build("evaluate")
    assert {f"evaluate cpu/one/{artifact}" for artifact in ("fp32", "fp16", "int8")} <= jobs
    with (zoo / "results/evaluation.csv").open() as handle:
        lines = {line["artifact"]: line for line in csv.DictReader(handle)}
    onnx = {"fp32.onnx", "fp16.onnx", "int8_static.onnx"}
    assert set(lines) == {"fp32", "fp16", "int8", "torchscript"} | onnx
    for line in lines.values():
        assert (line["image_set"], line["images"]) == ("val", "4")
        assert line["top1"] and line["top5"] and line["top1_drop"] and float(line["fps"]) > 0
        assert int(line["multiply_adds"]) > 0 and int(line["streams"]) > 0
    assert float(lines["fp32"]["top1_drop"]) == 0, "fp32 answers as torch does"
    text = (zoo / "results/evaluation.md").read_text()
    assert "## one" in text and "| cpu | int8 |" in text and "## two" not in text
    assert 'class="evaluation"' in (zoo / "results/report.html").read_text()
    assert len((zoo / "results/zoo.csv").read_text().splitlines()) == 1 + len(lines), "a header, and the rows"
    assert ModelCard.read(zoo / "results/weights/one.json").random is True

    outcome = zoo.snakemake("--report", "snakemake.html", "evaluate")
    assert outcome.status == 0, outcome.text
    text = (zoo / "snakemake.html").read_text()
    for said in ("The zoo's own report", "The proof of int8 of one on cpu", "Search for int8"):
        assert said in text, "results with captions and categories"

    shutil.move(zoo / "val/n15075141", zoo / "val/n00000000")
    outcome = zoo.snakemake("results/cpu/one/fp32.eval.json")
    assert outcome.status != 0
    assert (
        "image set val: val: its images are of 2 classes, the model has 1000, and 'n00000000'" in outcome.text
    )


def test_calibration_images_that_are_unlike_the_evaluations_are_told(zoo: Zoo):
    for folder, shades in (("day", range(0, 120, 10)), ("night", range(130, 250, 10))):
        (zoo / folder).mkdir()
        for number, shade in enumerate(shades):
            picture(zoo / folder / f"{number}.png", shade)

    def judged_by_night(config):
        alone(config)
        config["defaults"]["calibration"] = {"path": "day", "images": 12}
        config["defaults"]["evaluation"] = {"path": "night", "images": 12}

    zoo.configure(judged_by_night)
    name = "results/cpu/one/calibration.coverage.json"
    assert zoo.build(name) >= {"calibrate cpu/one", "coverage cpu/one"}
    record = Coverage.read(zoo / name)
    by_purpose = {each.purpose: each for each in record.purposes}
    assert (record.look.images, by_purpose["verification"].images) == (9, 4)
    (sentence,) = by_purpose["evaluation"].unlike
    assert sentence.startswith("the evaluation images are brighter than the calibration images")
    assert by_purpose["evaluation"].worst.excess > 1
    assert zoo.build(name) == set()
    picture(zoo / "night/0.png", 5)
    assert zoo.build(name) == {"coverage cpu/one"}
