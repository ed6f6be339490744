"""Batches on the device: normalized, erased, mixed."""

import torch

from zoo.config.training.recipe import TrainingRecipe
from zoo.images.preprocess import Preprocess
from zoo.training.batch_transform import BatchTransform
from zoo.training.loader import draw, own_randomness

RECORD = Preprocess((8, 8), 1.0, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))
IMAGES = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 1])


def transform(**settings) -> BatchTransform:
    settings.setdefault("augment", {"re_prob": 0.0})
    return BatchTransform.of(TrainingRecipe.of(settings), RECORD, classes=3, device="cpu")


def augmented(**settings) -> tuple[torch.Tensor, torch.Tensor]:
    with own_randomness():
        draw(0, "step", 0)
        return transform(**settings).augment((IMAGES, LABELS))


def test_pixels_are_normalized_by_channel():
    images, labels = transform().normalize((IMAGES, LABELS))
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (RECORD.mean, RECORD.std))
    torch.testing.assert_close(images, (IMAGES.float() / 255 - mean) / std)
    assert images.is_contiguous(memory_format=torch.channels_last) and labels is LABELS
    assert IMAGES.dtype == torch.uint8, "the batch itself is left alone"


def test_without_erasing_and_mixing_nothing_else_happens():
    images, labels = augmented()
    assert torch.equal(images, transform().normalize((IMAGES, LABELS))[0]) and torch.equal(labels, LABELS)


def test_erasing_puts_zeros_where_nothing_else_is_changed():
    plain, _ = augmented()
    erased, labels = augmented(augment={"re_prob": 1.0})
    changed = erased != plain
    assert (
        changed.flatten(1).any(dim=1).all() and (erased[changed] == 0).all() and torch.equal(labels, LABELS)
    )
    noise, _ = augmented(augment={"re_prob": 1.0, "re_mode": "pixel"})
    assert len(noise[noise != plain].unique()) > 10


def test_mixing_weighs_the_labels_as_the_images():
    plain, _ = augmented()
    images, labels = augmented(mixup=1.0, label_smoothing=0.0)
    share = labels[0, 0]  # of the first image, whose partner is the last
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(4))
    torch.testing.assert_close(images[0], share * plain[0] + (1 - share) * plain[3])


def test_cutting_gives_each_pixel_to_one_of_two_images():
    plain, _ = augmented()
    images, labels = augmented(cutmix=1.0, label_smoothing=0.0)
    own, other = (images == plain).all(dim=1), (images == plain.flip(0)).all(dim=1)
    assert (own | other).all()
    torch.testing.assert_close(labels[0, 0], own[0].float().mean(), atol=0.02, rtol=0)


def test_the_same_place_draws_the_same():
    first, again = (augmented(mixup=0.4, cutmix=0.5, augment={"re_prob": 0.5}) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
