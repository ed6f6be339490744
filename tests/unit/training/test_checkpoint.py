"""An interrupted training goes on, and gives the same bits."""

import logging
from dataclasses import replace

import pytest
import torch

from samples.training import SHORT, digest, spec, write_bars
from zoo.training import fit as fit_module
from zoo.training.train import train

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of forty pictures, of which eight each are held out."""
    return write_bars(tmp_path_factory.mktemp("bars"))


RESTLESS = SHORT | {
    "epochs": 3,
    "ema": 0.9,
    "mixup": 0.2,
    "cutmix": 0.5,
    "layer_decay": 0.8,
    "augment": {"auto_augment": "rand-m5-mstd0.5", "re_prob": 0.5, "re_mode": "pixel"},
}
"""Everything that draws or remembers something."""


def test_an_interrupted_training_goes_on_and_gives_the_same_bits(folder, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "zoo.training")
    restless = spec(folder, RESTLESS)
    restless = replace(restless, args=restless.args | {"drop_path_rate": 0.3, "drop_rate": 0.2})
    whole, source = train(restless, folder)
    checkpoint = tmp_path / "tiny.training"
    judge, judged = fit_module.held_out_top1, []

    def interrupted(*arguments):
        judged.append(arguments)
        if len(judged) == 2:
            raise KeyboardInterrupt
        return judge(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit_module, "held_out_top1", interrupted)
        train(restless, folder, checkpoint=checkpoint)
    assert torch.load(checkpoint, weights_only=True)["epochs"] == 1
    resumed, resumed_source = train(restless, folder, checkpoint=checkpoint)
    assert "going on after epoch 1 of 3" in caplog.text
    assert digest(resumed, tmp_path) == digest(whole, tmp_path) and resumed_source == source
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
    caplog.clear()
    again, again_source = train(restless, folder, checkpoint=checkpoint)
    assert "epoch 3 of 3: loss" not in caplog.text, "nothing is left to train"
    assert digest(again, tmp_path) == digest(whole, tmp_path) and again_source == source
    assert "learner" not in torch.load(checkpoint, weights_only=True)


def test_a_checkpoint_of_something_else_is_left_alone(folder, tmp_path, caplog):
    caplog.set_level(logging.INFO, "zoo.training")
    checkpoint = tmp_path / "tiny.training"
    train(spec(folder, SHORT), folder, checkpoint=checkpoint)
    other, _ = train(spec(folder, SHORT | {"learning_rate": 4e-3}), folder, checkpoint=checkpoint)
    assert "of other images or settings: the training starts anew" in caplog.text
    assert digest(other, tmp_path) == digest(
        train(spec(folder, SHORT | {"learning_rate": 4e-3}), folder)[0], tmp_path
    )
    caplog.clear()
    train(spec(folder, SHORT, licence="MIT"), folder, checkpoint=checkpoint)
    assert "anew" in caplog.text
    train(spec(folder, SHORT), folder, checkpoint=checkpoint)
    assert "going on after epoch 2 of 2" in caplog.text, "a licence changes no weights"
    caplog.clear()
    train(spec(folder, SHORT), folder, checkpoint=checkpoint, code="edited")
    assert "anew" in caplog.text
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    train(spec(folder, SHORT), folder, checkpoint=checkpoint)
    assert "cannot be read" in caplog.text
