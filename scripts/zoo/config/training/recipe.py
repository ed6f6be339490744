"""The hyperparameters of a training, with defaults for fine-tuning and for training from scratch.

Imported while Snakemake parses the rules, so the standard library is all it needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from zoo.errors import ZooError

SCHEDULES = ("cosine", "tanh", "poly", "constant")


@dataclass(frozen=True)
class TrainingRecipe:
    """Hyperparameters under their usual names; timm gives them their meaning.

    optimizer, learning_rate, weight_decay, layer_decay: see `timm.optim.create_optimizer_v2`; a layer decay
    of 1 is none. schedule: one of SCHEDULES, after warmup_epochs of linear warmup, see `create_scheduler_v2`.
    batch: images a step. clip: largest norm of the gradient, 0 for any.
    ema: decay of the moving average of the weights, see `timm.utils.ModelEmaV3`; 0 for none.
    mixup, cutmix: their alpha, see `timm.data.Mixup`; 0 for none.
    augment: arguments of `timm.data.create_transform`, over AUGMENT.

    Raises ZooError, when it is made, for a value that makes no sense.
    """

    epochs: int = 100
    warmup_epochs: int = 5
    batch: int = 32
    optimizer: str = "adamw"
    schedule: str = "cosine"
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    layer_decay: float = 1.0
    label_smoothing: float = 0.1
    clip: float = 1.0
    ema: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    augment: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("warmup_epochs", 0), ("batch", 2)):
            _check(name, getattr(self, name), int, least, None)
        if self.warmup_epochs >= self.epochs:
            raise ZooError(
                f"training: warmup_epochs must be fewer than epochs, "
                f"not {self.warmup_epochs} of {self.epochs}"
            )
        for name, most in (("learning_rate", None), ("layer_decay", 1)):
            _check(name, getattr(self, name), float, 0, most)
            if not getattr(self, name):
                raise ZooError(f"training: {name} must be above 0")
        for name in ("weight_decay", "clip", "mixup", "cutmix"):
            _check(name, getattr(self, name), float, 0, None)
        for name in ("label_smoothing", "ema"):
            _check(name, getattr(self, name), float, 0, 1)
        if self.schedule not in SCHEDULES:
            raise ZooError(f"training: schedule must be one of {', '.join(SCHEDULES)}, not {self.schedule!r}")
        if (self.mixup or self.cutmix) and self.batch % 2:
            raise ZooError(f"training: mixup and cutmix pair the images of a batch, so {self.batch} is odd")
        if not isinstance(self.augment, Mapping):
            raise ZooError(f"training: augment must be a mapping, not {self.augment!r}")

    @classmethod
    def of(cls, *layers: Mapping[str, Any]) -> Self:
        """The recipe from layers of settings, later ones over earlier ones, inside of `augment` too.

        Raises ZooError for an unknown key or a value that makes no sense.
        """
        known = [each.name for each in fields(cls)]
        values: dict[str, Any] = {}
        for layer in layers:
            if unknown := sorted(set(layer) - set(known)):
                raise ZooError(f"training: unknown {', '.join(unknown)}; known are {', '.join(known)}")
            augment = {**values.get("augment", {}), **(layer.get("augment") or {})}
            values = {**values, **layer, "augment": augment}
        return cls(**values)


AUGMENT = {"scale": [0.35, 1.0], "auto_augment": "rand-m7-mstd0.5-inc1", "re_prob": 0.1}
"""Crops of at least a third of the image, mirrored by halves, RandAugment, and now and then a hole."""
SCRATCH = {"augment": AUGMENT}
FINE_TUNE = {
    "epochs": 20,
    "warmup_epochs": 1,
    "learning_rate": 3e-4,
    "layer_decay": 0.8,
    "augment": AUGMENT,
}


def _check(name: str, value: object, kind: type, least: float, most: float | None) -> None:
    """ZooError unless the value is a number of the kind, within its limits."""
    number = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
    if not number or not least <= value <= (float("inf") if most is None else most):  # type: ignore[operator]
        what = "a whole number" if kind is int else "a number"
        limits = f"from {least}" if most is None else f"from {least} to {most}"
        raise ZooError(f"training: {name} must be {what} {limits}, not {value!r}")
