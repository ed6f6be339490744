"""From a folder of pictures to a verified int8 file, with one entry in config.yaml."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples.workflow import Zoo, make_zoo, wait_for_job
from zoo.config.records.card import ModelCard

pytestmark = pytest.mark.long(110)

TARGET = "results/cpu/plants/int8.passed"
QUICK = {"epochs": 2, "warmup_epochs": 1, "batch": 8, "learning_rate": 0.003}


def plants(folder: Path, count: int = 15) -> None:
    """Two classes of noisy pictures, one brighter above and the other below."""
    random = np.random.default_rng(0)
    for label, name in enumerate(("fern", "moss")):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = random.integers(0, 120, (40, 40, 3), dtype=np.uint8)
            pixels[20 * label : 20 * label + 20] += 120
            Image.fromarray(pixels).save(folder / name / f"{index}.png")


def entry(**settings) -> dict:
    """A model as users declare it; `train` may be the folder alone, but a test has no time for 100 epochs."""
    train = {"images": "plants", **QUICK, **settings}
    return {"timm": "test_convnext", "weights": {"train": train}, "preprocess": {"size": [32, 32]}}


@pytest.fixture(scope="module")
def plant_zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """A zoo with the model `plants`, built to its verified int8 file. Tests must leave it as it is."""
    zoo = make_zoo(tmp_path_factory.mktemp("training") / "zoo")
    plants(zoo / "plants")
    zoo.configure(lambda config: config["models"].update(plants=entry()))
    zoo.build(TARGET, "results/cpu/plants/int8.eval.json")
    return zoo


def test_one_entry_leads_from_a_folder_to_a_verified_int8_file(plant_zoo: Zoo):
    card = ModelCard.read(plant_zoo / "results/weights/plants.json")
    assert card.labels == ("fern", "moss") and card.num_classes == 2
    source = card.source
    assert (source["kind"], source["location"], source["classes"]) == ("train", "plants", 2)
    assert (source["images"], source["held_out_images"]) == (24, 6)
    assert source["recipe"]["epochs"] == 2 and 0 <= source["held_out_top1"] <= 1
    verify = json.loads((plant_zoo / "results/cpu/plants/int8.verify.json").read_text())
    assert verify["numbers"]["images"] == 6, "verified on what was held out"
    figures = json.loads((plant_zoo / "results/cpu/plants/int8.eval.json").read_text())
    assert figures["labelled"] and figures["images"] == 6
    assert figures["reference_top1"] == pytest.approx(source["held_out_top1"], abs=1e-4)
    log = (plant_zoo / "results/logs/weights/plants.log").read_text()
    assert "epoch 2 of 2: loss " in log and "held-out top-1" in log


def test_images_and_settings_of_the_training_count_and_nothing_else(plant_zoo: Zoo):
    assert plant_zoo.pending(TARGET) == set()
    config, picture = plant_zoo / "config.yaml", plant_zoo / "plants/fern/0.png"
    before, pixels = config.read_text(), picture.read_bytes()
    try:
        plant_zoo.configure(lambda config: config["gates"]["int8"].update(min_cosine=0.4))
        assert plant_zoo.pending(TARGET) == {"verify cpu/plants/int8", "gate cpu/plants/int8"}
        plant_zoo.configure(lambda config: config["models"].update(plants=entry(epochs=3)))
        assert "train plants" in plant_zoo.pending(TARGET)
        config.write_text(before)
        Image.new("RGB", (40, 40), "green").save(picture)
        assert "train plants" in plant_zoo.pending(TARGET)
    finally:
        config.write_text(before)
        picture.write_bytes(pixels)
    assert plant_zoo.pending(TARGET) == set()


def test_a_folder_without_classes_fails_in_one_sentence(fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config["models"].update(plants=entry(images="photos")))
    outcome = fresh_zoo.snakemake(TARGET)
    assert outcome.status != 0
    assert not outcome.jobs and "Traceback" not in outcome.text, outcome.text
    assert "image set photos (train): photos has no class folders" in outcome.text
    fresh_zoo.configure(lambda config: config["models"].update(plants=entry(images="gone")))
    assert "gone: there is no such folder" in fresh_zoo.snakemake(TARGET).text


def test_a_killed_training_goes_on_from_its_last_epoch(fresh_zoo: Zoo):
    plants(fresh_zoo / "plants")
    fresh_zoo.configure(lambda config: config["models"].update(plants=entry(epochs=20)))
    build = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "1", "results/weights/plants.json"],
        cwd=fresh_zoo.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    job = wait_for_job(fresh_zoo, "train.py")
    checkpoint = fresh_zoo / "results/weights/plants.training"
    while not checkpoint.exists():
        assert job.is_running() and build.poll() is None
        time.sleep(0.005)
    job.kill()
    build.wait(60)
    assert checkpoint.exists() and not (fresh_zoo / "results/weights/plants.json").exists()
    fresh_zoo.build("results/weights/plants.json", "--cores", "1")
    log = (fresh_zoo / "results/logs/weights/plants.log").read_text()
    assert "going on after epoch" in log and "epoch 1 of 20: loss" not in log
    weights = (fresh_zoo / "results/weights/plants.safetensors").read_bytes()
    fresh_zoo.configure(lambda config: config["models"]["plants"].update(licence="MIT"))
    assert fresh_zoo.build("results/weights/plants.json", "--cores", "1") == {"train plants"}
    log = (fresh_zoo / "results/logs/weights/plants.log").read_text()
    assert "going on after epoch 20 of 20" in log, "another licence asks for no second training"
    assert (fresh_zoo / "results/weights/plants.safetensors").read_bytes() == weights
    assert json.loads((fresh_zoo / "results/weights/plants.json").read_text())["licence"] == "MIT"
