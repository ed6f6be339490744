"""The settings of a training are checked as they are read."""

import pytest
import torch

from samples.training import spec
from zoo.errors import ZooError

torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epoch": 3}, "training: unknown epoch; known are epochs, warmup_epochs, batch"),
        ({"epochs": 0}, "training: epochs must be a whole number from 1, not 0"),
        ({"epochs": 5, "warmup_epochs": 5}, "warmup_epochs must be fewer than epochs, not 5 of 5"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"label_smoothing": 2}, "label_smoothing must be a number from 0 to 1, not 2"),
        ({"schedule": "plateau"}, "schedule must be one of cosine, tanh, poly, constant"),
        ({"batch": 9, "mixup": 0.1}, "pair the images of a batch, so 9 is odd"),
        ({"held_out": 1.5}, "held_out must lie between 0 and 1, not 1.5"),
        ({"from": {"train": "digits"}}, "training starts from weights that are fetched, not trained"),
        ({"from": {"random": 0, "url": "x"}}, "weights come from one source"),
    ],
)
def test_settings_are_checked_when_the_configuration_is_read(settings, said):
    with pytest.raises(ZooError, match=f"^tiny: .*{said}"):
        spec("somewhere", settings)
