"""Accuracy of an artifact on labelled images, and its agreement with the original model on any."""

from typing import Any

from zoo.array_types import Arrays
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db, top1_agreement, topk_accuracy
from zoo.runners.reference import Reference, flat


def evaluate(outputs: Arrays, reference: Reference) -> dict[str, Any]:
    """Figures for JSON from outputs, each (images, …), and the original model's on the same images.

    top1, top5, reference_top1: shares 0 to 1, None without labels (top5 also with five classes or fewer);
    top1_drop: percentage points lost; agreement: share of equal first classes; sqnr_db: of the worst output.
    What is about classes is None for a model that is no classifier.

    Raises ZooError for a label that the model has no class for.
    """
    sqnrs = [sqnr_db(expected, got) for expected, got in zip(reference.outputs, outputs, strict=True)]
    figures: dict[str, Any] = {
        "images": len(outputs[0]),
        "labelled": reference.labels is not None,
        "top1": None,
        "top5": None,
        "reference_top1": None,
        "top1_drop": None,
        "agreement": None,
        "sqnr_db": min(sqnrs),
    }
    if not reference.classifies:
        return figures
    logits, labels = flat(outputs), reference.labels
    classes = logits.shape[1]
    figures["agreement"] = top1_agreement(reference.logits, logits)
    if labels is not None:
        if labels.max() >= classes:
            raise ZooError(
                f"the images have labels up to {labels.max()}, the model has {classes} classes (0 to "
                f"{classes - 1}); name the set's classes, or another set"
            )
        figures["top1"] = topk_accuracy(logits, labels, 1)
        figures["top5"] = topk_accuracy(logits, labels, 5) if classes > 5 else None
        figures["reference_top1"] = topk_accuracy(reference.logits, labels, 1)
        figures["top1_drop"] = 100 * (figures["reference_top1"] - figures["top1"])
    return figures
