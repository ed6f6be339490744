"""Pictures of noise, folders of them, and lists of their names."""

import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from zoo.images.sets import ImageSet, samples


def noise(seed: int = 0, width: int = 40, height: int = 30) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def fill(folder: Path, *names: str) -> Path:
    """Save one image of its own under each name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noise(zlib.crc32(name.encode())).save(folder / name)
    return folder


def write_list(folder: Path, text: str) -> Path:
    (folder / "list.txt").write_text(text, encoding="utf-8")
    return folder / "list.txt"


def names(image_set: ImageSet) -> list[str]:
    return [sample.name for sample in samples(image_set)]
