"""What a training keeps after each epoch, and goes on from when it was interrupted."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zoo.jobs.files import replacing
from zoo.training.learner import Learner

_log = logging.getLogger(__name__)

Outcome = dict[str, float]
"""The loss and the held-out accuracy of an epoch."""


@dataclass(frozen=True)
class Checkpoint:
    """The file of a training that is told by its key, and takes so many epochs."""

    path: Path
    key: str
    epochs: int

    def save(self, learner: Learner, outcome: Outcome, epoch: int) -> None:
        """Keep, after an epoch (from 1), all that the others need, or, after the last, the weights alone."""
        state: dict[str, Any] = {"key": self.key, "epochs": epoch, "result": outcome}
        if epoch == self.epochs:
            state["trained"] = learner.learned.state_dict()
        else:  # no generators: all they give follows from the number of the step
            state["learner"] = learner.state_dict()
        with replacing(self.path) as (temporary,):
            torch.save(state, temporary)

    def resume(self, learner: Learner, *, device: str) -> tuple[int, Outcome]:
        """Take over what is kept of this training; returns its epochs and their outcome, or 0 and {}."""
        state = self._read(device)
        if state is None:
            return 0, {}
        if "trained" in state:
            learner.learned.load_state_dict(state["trained"])
        else:
            learner.load_state_dict(state["learner"])
        _log.info("going on after epoch %d of %d", state["epochs"], self.epochs)
        return state["epochs"], state["result"]

    def _read(self, device: str) -> dict[str, Any] | None:
        if not self.path.is_file():
            return None
        try:
            state = torch.load(self.path, map_location=device, weights_only=True)
        except Exception as error:  # torch raises whatever the bytes lead it to
            _log.warning("%s cannot be read (%s): the training starts anew", self.path, error)
            return None
        if not isinstance(state, dict) or state.get("key") != self.key:
            _log.info("%s is of other images or settings: the training starts anew", self.path)
            return None
        return state
