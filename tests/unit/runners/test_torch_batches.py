"""Batches give what one by one gives, and what cannot be batched is not."""

import numpy as np
import pytest
import torch
from torch import nn

from zoo.runners.torch_batches import answers, device_of_float32

INPUTS = [(each,) for each in np.random.default_rng(0).standard_normal((7, 3, 8, 8), dtype=np.float32)]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(144, 5)).eval()


def watched(model, calls):
    """The model, noting the size of each batch it gets."""

    def call(batch):
        calls.append(len(batch[0]))
        return (model(*batch),)

    return call


def check(model, found):
    with torch.no_grad():
        expected = model(torch.from_numpy(np.stack([image for (image,) in INPUTS]))).numpy()
    np.testing.assert_allclose(np.stack([output for (output,) in found]), expected, atol=1e-5)


@pytest.mark.parametrize(("size", "batches"), [(1, [1] * 7), (3, [1, 1, 2, 3, 3, 1]), (None, [1] * 7)])
def test_answers_are_those_of_each_input_in_order(model, size, batches):
    calls = []
    check(model, list(answers(watched(model, calls), iter(INPUTS), "cpu", size)))
    assert calls == batches, "before the first batch, two inputs are tried alone and together"


def test_several_inputs_and_outputs_are_batched_each():
    pairs = [(a, 2 * a) for (a,) in INPUTS]
    found = list(answers(lambda batch: (batch[0] + batch[1], batch[0].mean((1, 2, 3))), pairs, "cpu", 4))
    for (total, mean), (first, _) in zip(found, pairs, strict=True):
        np.testing.assert_allclose(total, 3 * first, rtol=1e-6)
        np.testing.assert_allclose(mean, first.mean(), rtol=1e-4, atol=1e-6)


def only_one(batch):
    return (batch[0].reshape(1, -1)[:, :5],)  # a batch of two has one output


def mixing(batch):
    return (batch[0].flatten(1)[:, :5] + batch[0].mean(),)  # each output depends on all inputs


def shaped(batch):
    return (batch[0].reshape(1, 192),)  # fails for two


@pytest.mark.parametrize("call", [only_one, mixing, shaped])
def test_a_model_made_for_a_batch_of_one_gets_one(call):
    found = list(answers(call, iter(INPUTS), "cpu", 4))
    for (output,), (image,) in zip(found, INPUTS, strict=True):
        (expected,) = call((torch.from_numpy(image[None]),))
        np.testing.assert_allclose(output, expected[0].numpy(), rtol=1e-5)


def test_a_batch_that_does_not_fit_in_memory_is_halved(model):
    calls = []

    def small(batch):
        if len(batch[0]) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return watched(model, calls)(batch)

    check(model, list(answers(small, iter(INPUTS), "cpu", 4)))
    assert max(calls) == 2
    with pytest.raises(torch.OutOfMemoryError):
        list(answers(lambda batch: small((torch.zeros(3),)), iter(INPUTS), "cpu", 1))


def test_a_reference_is_computed_in_float32_with_the_threads_that_were_granted(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    threads = torch.get_num_threads()
    try:
        assert device_of_float32(2) == ("cuda" if torch.cuda.is_available() else "cpu")
        assert torch.get_num_threads() == 2 and not torch.backends.cudnn.allow_tf32
    finally:
        torch.set_num_threads(threads)
