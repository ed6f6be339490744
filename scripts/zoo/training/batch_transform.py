"""What happens to a whole batch on the device, behind the augmentation of each image."""

from dataclasses import dataclass
from typing import Self

import torch
from timm.data import Mixup
from timm.data.random_erasing import RandomErasing

from zoo.config.training.recipe import TrainingRecipe
from zoo.images.preprocess import Preprocess
from zoo.training.loader import Batch


@dataclass(frozen=True)
class BatchTransform:
    """Batches as the model takes them; what is drawn comes from Python's, numpy's and torch's generators."""

    device: str
    mean: torch.Tensor
    """(1, channels, 1, 1), of pixels between 0 and 1; so is `std`."""
    std: torch.Tensor
    erasing: RandomErasing
    mixup: Mixup | None
    """None leaves images, and labels, as they are."""

    @classmethod
    def of(cls, recipe: TrainingRecipe, record: Preprocess, *, classes: int, device: str) -> Self:
        """The transform that a recipe asks for, for a model of so many classes."""
        mean, std = (
            torch.tensor(each, device=device).view(1, -1, 1, 1) for each in (record.mean, record.std)
        )
        return cls(device, mean, std, _erasing(recipe, device), _mixup(recipe, classes))

    def normalize(self, batch: Batch) -> Batch:
        """Pixels, uint8 (N, channels, height, width), as float32 in channels-last memory, by mean and std."""
        images, labels = (each.to(self.device, non_blocking=True) for each in batch)
        images = images.contiguous(memory_format=torch.channels_last)
        return images.float().div_(255).sub_(self.mean).div_(self.std), labels

    def augment(self, batch: Batch) -> Batch:
        """Normalized, erased in places, and mixed: the labels are then shares of classes, (N, classes)."""
        images, labels = self.normalize(batch)
        images = self.erasing(images)
        return self.mixup(images, labels) if self.mixup else (images, labels)


def _erasing(recipe: TrainingRecipe, device: str) -> RandomErasing:
    settings = {key[3:]: value for key, value in recipe.augment.items() if key.startswith("re_")}
    return RandomErasing(
        probability=settings.get("prob", 0.0),
        mode=settings.get("mode", "const"),
        max_count=settings.get("count", 1),
        device=device,
    )


def _mixup(recipe: TrainingRecipe, classes: int) -> Mixup | None:
    if not recipe.mixup and not recipe.cutmix:
        return None
    return Mixup(
        mixup_alpha=recipe.mixup,
        cutmix_alpha=recipe.cutmix,
        label_smoothing=recipe.label_smoothing,
        num_classes=classes,
    )
