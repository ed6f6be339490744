"""What a step changes."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from samples.training import GENTLE, SHORT, spec, write_bars
from zoo.config.training.recipe import TrainingRecipe
from zoo.training.learner import Learner
from zoo.training.machine import Machine
from zoo.training.train import train

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of forty pictures, of which eight each are held out."""
    return write_bars(tmp_path_factory.mktemp("bars"))


@pytest.fixture(scope="module")
def short(folder):
    return train(spec(folder, SHORT), folder)[0]


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "lamb"},
        {"optimizer": "sgd", "schedule": "poly"},
        {"ema": 0.5},
        {"mixup": 0.4},
        {"cutmix": 1.0},
        {"label_smoothing": 0.0},
        {"augment": {**GENTLE, "auto_augment": "augmix-m5-w4-d2"}},
        {"augment": {**GENTLE, "re_prob": 1.0}},
    ],
    ids=str,
)
def test_each_setting_has_an_effect(folder, short, change):
    model, source = train(spec(folder, SHORT | change), folder)
    assert not torch.equal(model.head.fc.weight, short.head.fc.weight)
    assert source["loss"] > 0


def learner(**settings):
    """Of a linear model with a weight of ones, by plain gradient descent in one epoch of four steps."""
    plain = {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "weight_decay": 0.0,
        "schedule": "constant",
        "clip": 0.0,
    }
    recipe = TrainingRecipe.of({"epochs": 1, "warmup_epochs": 0, **plain, **settings})
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False))
    nn.init.ones_(model[1].weight)
    return Learner.of(model, recipe, Machine(), steps=4)


def loss_of(learner):
    """Its gradient is (3, 4), whose norm is 5."""
    return learner.model(torch.tensor([[3.0, 4.0]])).sum()


def weight(model):
    return model[1].weight.detach().flatten().tolist()


def test_a_step_goes_down_the_gradient():
    one = learner()
    assert one.learning_rate == pytest.approx(0.1)
    one.update(loss_of(one), 1)
    nesterov = 1 + 0.9  # timm's sgd has Nesterov's momentum
    assert weight(one.learned) == pytest.approx([1 - 0.1 * nesterov * 3, 1 - 0.1 * nesterov * 4])
    one.update(loss_of(one), 2)
    moved = [1 - each for each in weight(one.learned)]
    assert moved[0] / moved[1] == pytest.approx(3 / 4), "gradients are not summed over steps"


def test_a_gradient_is_cut_to_the_largest_norm():
    free, cut = learner(), learner(clip=1.0)
    for each in (free, cut):
        each.update(loss_of(each), 1)
    steps = [[1 - value for value in weight(each.model)] for each in (free, cut)]
    assert steps[1] == pytest.approx([step / 5 for step in steps[0]])


def test_the_moving_average_is_what_is_learned():
    one = learner(ema=0.5)
    for step in (1, 2):
        one.update(loss_of(one), step)
    assert one.learned is one.average.module
    assert weight(one.model)[0] < weight(one.learned)[0] <= 1


def test_what_is_restored_goes_on_as_if_nothing_had_been():
    settings = {"optimizer": "adamw", "ema": 0.9, "schedule": "cosine", "epochs": 4}
    whole, first, second = (learner(**settings) for _ in range(3))
    for step in range(1, 7):
        whole.update(loss_of(whole), step)
    for step in range(1, 4):
        first.update(loss_of(first), step)
    second.load_state_dict(deepcopy(first.state_dict()))
    for step in range(4, 7):
        second.update(loss_of(second), step)
    assert weight(second.model) == weight(whole.model) and weight(second.learned) == weight(whole.learned)
