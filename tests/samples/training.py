"""Trainings of a tiny model on pictures of bars, which take a second."""

import numpy as np
import torch
from PIL import Image

from zoo.config.model_spec import ModelSpec
from zoo.jobs.files import sha256
from zoo.models.state_dict import save

GENTLE = {"scale": [0.8, 1.0], "hflip": 0.0, "auto_augment": None, "color_jitter": None, "re_prob": 0.0}
QUICK = {"epochs": 6, "warmup_epochs": 1, "batch": 16, "learning_rate": 5e-3, "augment": GENTLE}
SHORT = QUICK | {"epochs": 2}


def spec(images, settings=QUICK, seed=0, classes=2, name="tiny", **entry):
    args = {"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16], "patch_size": 2, "ls_init_value": 0.1}
    return ModelSpec.from_config(
        name,
        {
            "timm": "convnext_atto",
            "args": args | ({} if classes is None else {"num_classes": classes}),
            "weights": {"train": {"images": str(images), **settings}, "seed": seed},
            "preprocess": {"size": [32, 32], "crop_pct": 1.0, "mean": [0.5] * 3, "std": [0.5] * 3},
            **entry,
        },
    )


def bar(label, random):
    """A noisy 8x8 picture of an upright (0), lying (1) or square (2) bar."""
    pixels = random.integers(0, 100, (8, 8), dtype=np.uint8)
    where = [(slice(None), slice(3, 5)), (slice(3, 5), slice(None)), (slice(2, 6), slice(2, 6))]
    pixels[where[label]] += 120
    return Image.fromarray(pixels)


def write_bars(folder, classes=2, count=40):
    random = np.random.default_rng(0)
    for label, name in enumerate(("pole", "shelf", "window")[:classes]):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            bar(label, random).save(folder / name / f"{index}.png")
    return folder


def digest(model, folder):
    save(model, folder / "digest.safetensors")
    return sha256(folder / "digest.safetensors")


def own_net(classes, pool=1):
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(pool),
        torch.nn.Conv2d(8, classes, 1),
        torch.nn.Flatten() if pool == 1 else torch.nn.Identity(),
    )
