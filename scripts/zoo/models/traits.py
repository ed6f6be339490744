"""What a model takes, returns and costs, by a run of it."""

import traceback
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.images.inputs import IMAGE, Feed, Input
from zoo.images.preprocess import Preprocess
from zoo.models.flops import count_multiply_adds
from zoo.models.libraries import Traits, is_one_vector, library
from zoo.models.torch_ending import torch_ending
from zoo.runners import shape_without_batch
from zoo.runners.torch_outputs import named_tensors


def traits_of(spec: ModelSpec, model: nn.Module) -> Traits:
    """Those of a torch module. Raises ZooError if it does not take the inputs that are declared."""
    feed = feed_of(spec)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    outputs = outputs_of(model, feed)
    end = torch_ending(model, feed) if is_one_vector(outputs) else None
    return Traits(feed, outputs, parameters, count_multiply_adds(model, feed.shapes), end)


@torch.no_grad()
def outputs_of(model: nn.Module, feed: Feed) -> dict[str, tuple[int, ...]]:
    """The outputs by name, each with its shape without the batch, for a batch of one.

    Raises ZooError if the model does not take the feed's inputs, or those of its second shapes.
    """
    if (second := feed.second()) is not None:
        outputs_of(model, second)
    shapes = " and ".join(str([1, *shape]) for shape in feed.shapes)
    try:
        outputs = named_tensors(model(*(torch.zeros(1, *shape) for shape in feed.shapes)))
    except (RuntimeError, TypeError, ValueError, IndexError, AssertionError, AttributeError) as error:
        if batch := _batch_of(model, feed):
            raise ZooError(
                f"it takes a batch of {batch}, and none of 1: that is fixed in it; export it for a batch of 1"
            ) from error
        reason = " ".join(str(error).strip().splitlines()[-1:])[:200] or _line_of(error)
        raise ZooError(
            f"it does not take inputs of the shape {shapes} ({type(error).__name__}: {reason}); mend "
            "preprocess: size and channels, or declare its inputs"
        ) from error
    return {name: shape_without_batch(tuple(tensor.shape)) for name, tensor in outputs}


def _line_of(error: Exception) -> str:
    """The line of source that raised an error which says nothing, as an assert does not."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.line}, {Path(last.filename).name}:{last.lineno}"


BATCHES = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 64)
"""That a model is tried with which takes none of 1."""


def _batch_of(model: nn.Module, feed: Feed) -> int | None:
    """How many samples at a time the model takes; None if it takes none of `BATCHES`."""
    for batch in BATCHES:
        with suppress(Exception):  # whatever made it refuse one
            model(*(torch.zeros(batch, *shape) for shape in feed.shapes))
            return batch
    return None


def feed_of(spec: ModelSpec) -> Feed:
    """The inputs that the specification declares, or one image. ZooError for what makes no sense."""
    record = preprocess_record(spec)
    if not spec.inputs:
        _check_channels(spec, record)
        return Feed.image(record, second_size=spec.second_size)
    if spec.second_size is not None:
        raise ZooError("second_size is for a model of one image; give each of inputs its second_shape")
    usual = [len(record.mean), *record.size]
    inputs = []
    for place, entry in enumerate(spec.inputs):
        shape = usual if entry.get("values", IMAGE) == IMAGE else None
        inputs.append(Input.from_dict({"name": f"in{place}", "shape": shape} | entry))
    if len({each.name for each in inputs}) != len(inputs):
        raise ZooError(f"inputs must have different names, not {', '.join(each.name for each in inputs)}")
    return Feed(record, tuple(inputs))


def _check_channels(spec: ModelSpec, record: Preprocess) -> None:
    channels = library(spec).channels(spec)
    if channels not in (None, len(record.mean)):
        raise ZooError(
            f"args in_chans is {channels}, and preprocessing gives {len(record.mean)} channels "
            f"({record.channels}); set preprocess: channels, mean and std, or give the inputs as .npz files "
            "(inputs: [{shape: …, values: file}])"
        )


def preprocess_record(spec: ModelSpec) -> Preprocess:
    """The library's record for the architecture and tag with the specification's overrides; ZooError for bad
    values."""
    return Preprocess.from_dict({**library(spec).preprocess(spec).to_dict(), **spec.preprocess})
