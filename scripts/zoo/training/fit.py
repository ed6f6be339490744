"""One training: the machine that it runs on, its loop, and what it keeps."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from timm.data import Mixup
from timm.data.random_erasing import RandomErasing
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import ModelEmaV3
from torch import nn
from tqdm import tqdm

from zoo.config.training_recipe import TrainingRecipe
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.jobs.files import replacing
from zoo.training.loader import (
    Augmented,
    Batch,
    Plain,
    Shuffled,
    batches,
    draw,
    plain_loader,
    training_loader,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """What a training runs on; the number of threads decides the order of sums, and so the last bits."""

    threads: int = 1
    device: str = "cpu"

    @classmethod
    def here(cls, threads: int) -> "Machine":
        """The GPU if there is one that CUDA drives, and else so many threads of the CPU."""
        return cls(threads, "cuda" if torch.cuda.is_available() else "cpu")

    @property
    def half(self) -> torch.dtype | None:
        """What products are computed in: on a GPU bfloat16, or float16 on older ones; None for float32."""
        if self.device != "cuda":
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16

    @property
    def workers(self) -> int:
        """Processes that decode images; on a CPU half as many as threads, for the training needs these."""
        return self.threads if self.device == "cuda" else self.threads // 2


@dataclass
class Fit:
    """A training: model, optimizer and all that changes with them."""

    name: str
    model: nn.Module
    recipe: TrainingRecipe
    seed: int
    machine: Machine
    images: Augmented
    held_out: Plain
    record: Preprocess
    classes: int

    def __post_init__(self) -> None:
        recipe, machine = self.recipe, self.machine
        # channels_last: three quarters of the time, on a CPU, where convolutions are depthwise
        self.model.to(machine.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.order = Shuffled(len(self.images), recipe.batch, self.seed)
        try:
            self.optimizer = create_optimizer_v2(
                self.model,
                opt=recipe.optimizer,
                lr=recipe.learning_rate,
                weight_decay=recipe.weight_decay,
                layer_decay=recipe.layer_decay if recipe.layer_decay < 1 else None,
            )
        except (ValueError, TypeError, AssertionError) as error:
            raise ZooError(f"timm has no such optimizer: {recipe.optimizer} ({error})") from error
        self.scheduler, _ = create_scheduler_v2(
            self.optimizer,
            sched=recipe.schedule,
            num_epochs=recipe.epochs,
            warmup_epochs=recipe.warmup_epochs,
            warmup_lr=recipe.learning_rate / 100,
            min_lr=recipe.learning_rate / 100,
            step_on_epochs=False,
            updates_per_epoch=len(self.order),
        )
        self.ema = ModelEmaV3(self.model, decay=recipe.ema, use_warmup=True) if recipe.ema else None
        self.scaler = torch.amp.GradScaler(machine.device, enabled=machine.half is torch.float16)
        self.mixup = None
        self.criterion: nn.Module = LabelSmoothingCrossEntropy(recipe.label_smoothing)
        if recipe.mixup or recipe.cutmix:
            self.mixup = Mixup(
                mixup_alpha=recipe.mixup,
                cutmix_alpha=recipe.cutmix,
                label_smoothing=recipe.label_smoothing,
                num_classes=self.classes,
            )
            self.criterion = SoftTargetCrossEntropy()
        erasing = {key[3:]: value for key, value in recipe.augment.items() if key.startswith("re_")}
        self.erase = RandomErasing(
            probability=erasing.get("prob", 0.0),
            mode=erasing.get("mode", "const"),
            max_count=erasing.get("count", 1),
            device=machine.device,
        )
        mean, std = (
            torch.tensor(each, device=machine.device) for each in (self.record.mean, self.record.std)
        )
        self.mean, self.std = mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)

    def run(self, checkpoint: Path | None, key: str) -> dict[str, Any]:
        """Train the epochs that are left; returns the loss and the held-out accuracy of the last."""
        pin, workers = self.machine.device == "cuda", self.machine.workers
        loader = training_loader(self.images, self.order, workers, pin)
        held_out = plain_loader(self.held_out, self.recipe.batch, workers, pin)
        first, result = self._resume(checkpoint, key)
        steps = len(self.order)
        progress = tqdm(
            total=self.recipe.epochs * steps,
            initial=first * steps,
            desc=f"train {self.name}",
            unit="batch",
            disable=None,
            leave=False,
        )
        with progress:
            for epoch in range(first, self.recipe.epochs):
                begun = time.perf_counter()
                self.order.epoch = epoch
                rate = self.optimizer.param_groups[-1]["lr"]
                loss = self._epoch(epoch, loader, progress)
                top1 = self._top1(held_out)
                result = {"loss": round(loss, 4), "held_out_top1": round(top1, 4)}
                progress.set_postfix(loss=f"{loss:.3f}", held_out=f"{top1:.1%}")
                _log.info(
                    "epoch %d of %d: loss %.4f, held-out top-1 %.1f %%, learning rate %.2e, %.1f s",
                    *(epoch + 1, self.recipe.epochs, loss, 100 * top1, rate, time.perf_counter() - begun),
                )
                if checkpoint is not None:
                    self._save(checkpoint, key, epoch + 1, result)
        return result

    def result(self) -> nn.Module:
        """The model, or the moving average of it."""
        return self.model if self.ema is None else self.ema.module

    def _epoch(self, epoch: int, loader: Any, progress: "tqdm[Any]") -> float:
        """One pass over the images; returns the mean loss. Raises ZooError if it is no number."""
        self.model.train()
        updates = epoch * len(self.order)
        total = torch.zeros((), device=self.machine.device)
        for batch in batches(loader):
            draw(self.seed, "step", updates)
            inputs, targets = self._prepared(batch)
            with self._autocast():
                loss = self.criterion(_logits(self.model(inputs)), targets)
            self.optimizer.zero_grad()
            self.scaler.scale(loss).backward()
            if self.recipe.clip:
                self.scaler.unscale_(self.optimizer)
                nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
            self.scaler.step(self.optimizer)
            self.scaler.update()
            updates += 1
            self.scheduler.step_update(updates)
            if self.ema is not None:
                self.ema.update(self.model, step=updates)
            total += loss.detach()
            progress.update()
        mean = float(total) / len(self.order)
        finite = torch.stack([torch.isfinite(each).all() for each in self.result().state_dict().values()])
        if not torch.isfinite(total) or not finite.all():
            raise ZooError(
                f"the training diverged in epoch {epoch + 1}; set a smaller learning_rate than "
                f"{self.recipe.learning_rate}, or more warmup_epochs"
            )
        return mean

    def _prepared(self, batch: Batch) -> Batch:
        """A training batch on the device: normalized, erased in places, mixed."""
        inputs, targets = self._normalized(batch)
        inputs = self.erase(inputs)
        return self.mixup(inputs, targets) if self.mixup else (inputs, targets)

    def _normalized(self, batch: Batch) -> Batch:
        images, labels = (each.to(self.machine.device, non_blocking=True) for each in batch)
        images = images.contiguous(memory_format=torch.channels_last)
        return images.float().div_(255).sub_(self.mean).div_(self.std), labels

    @torch.inference_mode()
    def _top1(self, loader: Any) -> float:
        """The share of held-out images that are told right."""
        model = self.result().eval()
        right = torch.zeros((), device=self.machine.device)
        for batch in batches(loader):
            inputs, labels = self._normalized(batch)
            with self._autocast():
                right += (_logits(model(inputs)).argmax(dim=1) == labels).sum()
        return float(right) / len(self.held_out)

    def _autocast(self) -> torch.autocast:
        half = self.machine.half
        return torch.autocast(self.machine.device, half, enabled=half is not None)

    def _save(self, path: Path, key: str, epochs: int, result: dict[str, float]) -> None:
        """Keep all that the epochs to come need, or, after the last, the weights alone."""
        state: dict[str, Any] = {"key": key, "epochs": epochs, "result": result}
        if epochs == self.recipe.epochs:
            state["trained"] = self.result().state_dict()
        else:  # no generators, and no scheduler: all they give follows from the number of the step
            state["model"] = self.model.state_dict()
            state["optimizer"] = self.optimizer.state_dict()
            state["scaler"] = self.scaler.state_dict()
            state["ema"] = self.ema.module.state_dict() if self.ema else None
        with replacing(path) as (temporary,):
            torch.save(state, temporary)

    def _resume(self, path: Path | None, key: str) -> tuple[int, dict[str, float]]:
        """Take over a checkpoint of this training if there is one; returns its epochs and their result."""
        if path is None or not path.is_file():
            return 0, {}
        try:
            state = torch.load(path, map_location=self.machine.device, weights_only=True)
        except Exception as error:  # torch raises whatever the bytes lead it to
            _log.warning("%s cannot be read (%s): the training starts anew", path, error)
            return 0, {}
        if not isinstance(state, dict) or state.get("key") != key:
            _log.info("%s is of other images or settings: the training starts anew", path)
            return 0, {}
        if "trained" in state:
            self.result().load_state_dict(state["trained"])
        else:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(state["scaler"])
            if self.ema is not None:
                self.ema.module.load_state_dict(state["ema"])
        _log.info("going on after epoch %d of %d", state["epochs"], self.recipe.epochs)
        return state["epochs"], state["result"]


def _logits(output: Any) -> torch.Tensor:
    """The classifier's output; torchvision's Inception and GoogLeNet give auxiliary ones beside it."""
    logits = getattr(output, "logits", output)
    if not isinstance(logits, torch.Tensor):
        raise ZooError(f"only classifiers can be trained, and this model gives a {type(output).__name__}")
    return logits
