"""The outputs of any model as a list of named tensors, and as something that can be traced."""

import math
import warnings
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from torch import nn

from zoo.errors import ZooError
from zoo.runners.torch_outputs import Flattened, largest_error, named_tensors, tensors_of, traceable, zeros

A, B, C = (torch.full((1, size), float(size)) for size in (1, 2, 3))
Found = namedtuple("Found", "boxes scores")


@dataclass
class Record:
    boxes: torch.Tensor


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (A, ["output"]),
        ((A, B), ["out0", "out1"]),
        ([A, B, C], ["out0", "out1", "out2"]),
        ({"map": A, "vector": B}, ["map", "vector"]),
        (OrderedDict(vector=A, map=B), ["vector", "map"]),
        (Found(A, B), ["boxes", "scores"]),
        ((A, [B, C]), ["out0", "out1.0", "out1.1"]),
        ({"pyramid": [A, B], "score": C}, ["pyramid.0", "pyramid.1", "score"]),
        ([{"boxes": A}, Found(B, C)], ["out0.boxes", "out1.boxes", "out1.scores"]),
        ({0: A, 1: {"x": (B, C)}}, ["0", "1.x.0", "1.x.1"]),
        ((None, A, None, B), ["out1", "out3"]),
        ({"loss": None, "logits": A}, ["logits"]),
    ],
)
def test_tensors_are_named_by_where_they_are(output, names):
    found = named_tensors(output)
    assert [name for name, _ in found] == names
    expected = (A, B, C)[: len(names)]
    assert all(tensor is each for (_, tensor), each in zip(found, expected, strict=True))
    assert [id(tensor) for tensor in tensors_of(output)] == [id(each) for each in expected]


@pytest.mark.parametrize("output", [(), {}, [None], {"a": []}])
def test_an_output_without_tensors_is_refused(output):
    with pytest.raises(ZooError, match=f"its output holds no tensor: {type(output).__name__}"):
        named_tensors(output)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (Record(A), "its output as a whole is a Record; let the model return tensors, or lists"),
        ((A, 3), "its output out1 is a int"),
        ({"boxes": A, "meta": {"name": "x"}}, "its output meta.name is a str"),
    ],
)
def test_what_is_neither_tensor_nor_container_is_named(output, said):
    with pytest.raises(ZooError, match=said):
        named_tensors(output)


def test_the_largest_error_is_that_of_the_worst_output_over_its_own_largest_number():
    expected = [torch.tensor([1.0, -100.0]), torch.tensor([0.5, 0.1])]
    got = [torch.tensor([2.0, -100.0]), torch.tensor([0.4, 0.1])]
    assert largest_error(expected, got) == pytest.approx(0.2)
    assert largest_error(expected, expected) == 0
    assert math.isnan(largest_error(expected, [got[0], torch.tensor([math.nan, 0.1])]))
    assert math.isnan(largest_error(expected, [torch.tensor([math.nan, 0.1]), got[1]]))
    assert largest_error([torch.zeros(2)], [torch.zeros(2)]) == 0
    assert largest_error([torch.zeros(2)], [torch.full((2,), 1e-3)]) > 1


def test_zeros_have_a_batch_of_one():
    assert [each.shape for each in zeros([(3, 8, 6), (5,)])] == [(1, 3, 8, 6), (1, 5)]
    assert not any(each.any() for each in zeros([(3, 8, 6), (5,)]))


class Nested(nn.Module):
    """Containers that cannot be traced as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, image: torch.Tensor, vector: torch.Tensor) -> dict:
        found = self.conv(image) + vector.sum()
        return {"map": found, "rest": [Found(found.mean((2, 3)), vector), {"none": None}]}


@torch.no_grad()
def test_a_flattened_model_traces_and_returns_the_same_tensors():
    torch.manual_seed(0)
    model, inputs = Nested().eval(), (torch.randn(1, 3, 8, 8), torch.randn(1, 5))
    flattened = traceable(model, inputs)
    assert isinstance(flattened, Flattened)
    assert isinstance(flattened(*inputs), tuple)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        traced = torch.jit.trace(flattened, zeros([(3, 8, 8), (5,)]))
    expected = tensors_of(model(*inputs))
    assert len(expected) == 3
    for one, other in zip(traced(*inputs), expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_model_that_returns_a_tensor_is_left_as_it_is():
    model = nn.Conv2d(3, 4, 3)
    assert traceable(model, zeros([(3, 8, 8)])) is model


class Pair(NamedTuple):
    boxes: torch.Tensor
    scores: torch.Tensor


class Scripted(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, list[Pair]]:
        return {"first": [Pair(x, y), Pair(x + y, x)], "second": [Pair(x - y, y)]}


@pytest.mark.filterwarnings("ignore")
def test_the_containers_of_a_scripted_model_become_a_tuple():
    model, inputs = torch.jit.script(Scripted().eval()), (torch.rand(1, 2), torch.rand(1, 2))
    flattened = traceable(model, inputs)
    assert isinstance(flattened, torch.jit.ScriptModule) and not flattened.training
    found = flattened(*inputs)
    assert isinstance(found, tuple) and len(found) == 6
    assert all(map(torch.equal, found, tensors_of(model(*inputs))))
    assert "prim::DictConstruct" not in {node.kind() for node in torch.jit.freeze(flattened).graph.nodes()}
    assert traceable(flattened, inputs) is flattened
