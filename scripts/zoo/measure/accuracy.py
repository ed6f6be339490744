"""Accuracy of an artifact on labelled images, and its agreement with the original model on any."""

from typing import Any

from zoo.array_types import Arrays
from zoo.config.records.evaluation import Accuracy, Evaluation
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db, top1_agreement, topk_accuracy
from zoo.measure.reference_set import ReferenceSet
from zoo.runners.artifact import Artifact
from zoo.runners.inference import MEMORY_MB, processes_for
from zoo.runners.on_target.foreseen import announce
from zoo.runners.reference import Reference, flat, outputs


def evaluate(
    artifact: Artifact, against: ReferenceSet, threads: int, memory_mb: float = MEMORY_MB
) -> Evaluation:
    """The evaluation of an artifact on a set of samples. memory_mb: what the job was granted.

    Raises ArtifactError if it cannot be loaded or run or has other outputs, and ZooError as `accuracy` does.
    """
    hashes, against = artifact.hashes(), against.for_artifact(artifact)
    processes = processes_for(artifact, len(against.samples), threads, memory_mb)
    announce(artifact, against.multiply_adds, len(against.samples), processes)
    computed, info = outputs(artifact, against.samples, against.feed, against.reference, threads, memory_mb)
    figures = accuracy(computed, against.reference)
    fields: dict[str, Any] = vars(figures) | artifact.heading()
    fields |= {"image_set": against.name, "images_sha256": against.identity, "left_out": against.left_out}
    fields |= {"part_of": against.part_of}
    return Evaluation(runtime=info, hashes=hashes, **fields)


def accuracy(outputs: Arrays, reference: Reference) -> Accuracy:
    """The figures of outputs, each (images, …), beside the original model's on the same images.

    Raises ZooError for a label that the model has no class for.
    """
    sqnrs = [sqnr_db(expected, got) for expected, got in zip(reference.outputs, outputs, strict=True)]
    images, labels = len(outputs[0]), reference.labels
    if not reference.classifies:
        return Accuracy(images=images, labelled=labels is not None, sqnr_db=min(sqnrs))
    logits = flat(outputs)
    agreement = top1_agreement(reference.logits, logits)
    if labels is None:
        return Accuracy(images=images, labelled=False, agreement=agreement, sqnr_db=min(sqnrs))
    classes = logits.shape[1]
    if labels.max() >= classes:
        raise ZooError(
            f"the images have labels up to {labels.max()}, the model has {classes} classes (0 to "
            f"{classes - 1}); name the set's classes, or another set"
        )
    top1, original = (topk_accuracy(each, labels, 1) for each in (logits, reference.logits))
    return Accuracy(
        images=images,
        labelled=True,
        top1=top1,
        top5=topk_accuracy(logits, labels, 5) if classes > 5 else None,
        reference_top1=original,
        top1_drop=100 * (original - top1),
        agreement=agreement,
        sqnr_db=min(sqnrs),
    )
