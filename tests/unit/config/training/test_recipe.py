"""Hyperparameters: layers over defaults, and what makes no sense."""

import pytest

from zoo.config.training.recipe import AUGMENT, FINE_TUNE, SCRATCH, TrainingRecipe
from zoo.errors import ZooError


def test_later_layers_lie_over_earlier_ones_inside_of_augment_too():
    recipe = TrainingRecipe.of(FINE_TUNE, {"epochs": 3}, {"augment": {"re_prob": 0.0}})
    assert (recipe.epochs, recipe.warmup_epochs, recipe.learning_rate) == (3, 1, 3e-4)
    assert recipe.augment == AUGMENT | {"re_prob": 0.0}


def test_from_scratch_only_augmentation_is_added_to_the_defaults():
    assert TrainingRecipe.of(SCRATCH) == TrainingRecipe(augment=AUGMENT)
    assert TrainingRecipe.of() == TrainingRecipe()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": 1}, "unknown colour; known are epochs"),
        ({"epochs": 0}, "epochs must be a whole number from 1, not 0"),
        ({"epochs": 5, "warmup_epochs": 5}, "warmup_epochs must be fewer than epochs, not 5 of 5"),
        ({"label_smoothing": 2}, "label_smoothing must be a number from 0 to 1, not 2"),
        ({"batch": 9, "mixup": 0.1}, "pair the images of a batch, so 9 is odd"),
        ({"batch": 1}, "batch must be a whole number from 2, not 1"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"layer_decay": 1.5}, "layer_decay must be a number from 0 to 1"),
        ({"cutmix": 0.5, "batch": 5}, "pair the images of a batch, so 5 is odd"),
        ({"schedule": "steps"}, "schedule must be one of cosine"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict, message: str):
    with pytest.raises(ZooError, match=message):
        TrainingRecipe.of(values)
