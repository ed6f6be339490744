"""A model card for tests."""

from dataclasses import replace
from typing import Any

from zoo.config.records.card import CLASSIFICATION, ModelCard, Output
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess

RECORD = Preprocess(size=(8, 8), crop_pct=1.0, mean=(0.5,) * 3, std=(0.25,) * 3)


def card(name: str = "small", record: Preprocess = RECORD, classes: int = 5, **changes: Any) -> ModelCard:
    """The card of a classifier of images that `record` prepares, of unknown labels; changes: other fields."""
    usual = ModelCard(
        name=name,
        library="timm",
        architecture="test_resnet",
        args={},
        source={"kind": "hub", "location": "owner/small", "revision": None},
        random=False,
        sha256="ab" * 32,
        licence="MIT",
        task=CLASSIFICATION,
        parameters=1000,
        multiply_adds=2000,
        inputs=Feed.image(record).inputs,
        outputs=(Output("output", (classes,)),),
        preprocess=record,
        labels=None,
        class_ids=None,
    )
    return replace(usual, **changes)
