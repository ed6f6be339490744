"""A model that learns: with its optimizer, schedule and moving average, all that changes in a training."""

from dataclasses import dataclass
from typing import Any, Self

import torch
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import ModelEmaV3
from torch import nn

from zoo.config.training.recipe import TrainingRecipe
from zoo.errors import ZooError
from zoo.training.machine import Machine


@dataclass(frozen=True)
class Learner:
    """A model and what a step changes beside it. The model is on the machine, in training mode."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: Any
    scaler: torch.amp.GradScaler
    average: ModelEmaV3 | None
    """The moving average of the weights, if one is kept."""
    clip: float
    """Largest norm of the gradient; 0 for any."""

    @classmethod
    def of(cls, model: nn.Module, recipe: TrainingRecipe, machine: Machine, *, steps: int) -> Self:
        """At the start of a training of so many steps an epoch. Raises ZooError for an unknown optimizer."""
        # channels_last: three quarters of the time, on a CPU, where convolutions are depthwise
        model.to(machine.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        optimizer = _optimizer(model, recipe)
        scheduler, _ = create_scheduler_v2(
            optimizer,
            sched=recipe.schedule,
            num_epochs=recipe.epochs,
            warmup_epochs=recipe.warmup_epochs,
            warmup_lr=recipe.learning_rate / 100,
            min_lr=recipe.learning_rate / 100,
            step_on_epochs=False,
            updates_per_epoch=steps,
        )
        average = ModelEmaV3(model, decay=recipe.ema, use_warmup=True) if recipe.ema else None
        scaler = torch.amp.GradScaler(machine.device, enabled=machine.half is torch.float16)
        return cls(model, optimizer, scheduler, scaler, average, recipe.clip)

    @property
    def learning_rate(self) -> float:
        """That of the last group of weights, which a layer decay leaves alone."""
        return float(self.optimizer.param_groups[-1]["lr"])

    @property
    def learned(self) -> nn.Module:
        """The model, or the moving average of it."""
        return self.model if self.average is None else self.average.module

    def update(self, loss: torch.Tensor, step: int) -> None:
        """Take a step down the gradient of the loss. step: its number in the training, from 1."""
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.scheduler.step_update(step)
        if self.average is not None:
            self.average.update(self.model, step=step)

    def state_dict(self) -> dict[str, Any]:
        """All that the steps to come need; the schedule follows from their number."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": None if self.average is None else self.average.module.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`, for a learner of the same recipe."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.module.load_state_dict(state["average"])


def _optimizer(model: nn.Module, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    try:
        return create_optimizer_v2(  # type: ignore[no-any-return]
            model,
            opt=recipe.optimizer,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            layer_decay=recipe.layer_decay if recipe.layer_decay < 1 else None,
        )
    except (ValueError, TypeError, AssertionError) as error:
        raise ZooError(f"timm has no such optimizer: {recipe.optimizer} ({error})") from error
