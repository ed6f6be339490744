"""The committed photographs: each with a free licence, none both calibrated on and verified on."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.images.decode import read_image
from zoo.images.sets import Crops, ImageSet, samples

CALIB = Path(__file__).parents[3] / "calib"
SETS = ["natural", "heldout"]
FREE = {"CC0 1.0", "public domain"}


def sources(name: str) -> list[dict[str, str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (CALIB / name / "SOURCES.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


@pytest.mark.parametrize("name", SETS)
def test_every_photograph_has_a_source_and_a_free_licence(name: str) -> None:
    rows = sources(name)
    assert sorted(row["file"].strip("`") for row in rows) == sorted(
        path.name for path in (CALIB / name).iterdir() if path.name != "SOURCES.md"
    )
    for row in rows:
        assert row["licence"] in FREE, row
        assert row["what"] and row["author"], row
        assert re.search(r"skimage\.data\.\w+|https://commons\.wikimedia\.org/\S+", row["source"]), row


@pytest.mark.parametrize("name", SETS)
def test_photographs_are_small_colour_files(name: str) -> None:
    for sample in samples(ImageSet(name, CALIB / name)):
        with Image.open(sample.path) as image:
            assert image.mode == "RGB" and 400 <= max(image.size) <= 512, sample.name
            assert not {"exif", "icc_profile", "comment"} & set(image.info), sample.name
    assert sum(path.stat().st_size for each in SETS for path in (CALIB / each).iterdir()) < 1_500_000


def test_nothing_held_out_is_calibrated_on() -> None:
    def thumbnails(name: str) -> dict[str, np.ndarray]:
        found = samples(ImageSet(name, CALIB / name))
        small = {sample.name: read_image(sample.path).convert("L").resize((16, 16)) for sample in found}
        return {key: np.asarray(image, float).ravel() for key, image in small.items()}

    natural, heldout = thumbnails("natural"), thumbnails("heldout")
    assert len(natural) >= 10 and len(heldout) >= 5
    for name, pixels in heldout.items():
        closest = max(natural, key=lambda other: np.corrcoef(pixels, natural[other])[0, 1])
        assert np.corrcoef(pixels, natural[closest])[0, 1] < 0.9, f"{name} looks like {closest}"


def test_the_calibration_set_yields_as_many_crops_as_asked_for() -> None:
    assert len(samples(ImageSet("natural", CALIB / "natural", images=100, crops=Crops()))) == 100
