"""An ONNX file as the source of a model: whether it is sound, what it takes and what it returns."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper

from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.images.inputs import Feed, Input, Shape
from zoo.images.preprocess import CHANNELS, Preprocess
from zoo.models.libraries.onnx_data import data_files

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


def read(path: Path) -> onnx.ModelProto:
    """The model of a file that is sound. Raises ZooError if it is missing, damaged or invalid, or if its
    weights hold NaN or infinity, naming them."""
    data_files(path)  # before somebody reads them
    try:
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(path)
    except Exception as error:  # protobuf, the checker and shape inference raise unrelated classes
        raise ZooError(f"{path} is not a valid ONNX model: {str(error).strip().splitlines()[0]}") from error
    broken = [
        each.name
        for each in model.graph.initializer
        if each.data_type in _FLOATS and not np.isfinite(numpy_helper.to_array(each)).all()
    ]
    if broken:
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        raise ZooError(f"{path} holds NaN or infinity in {', '.join(broken[:3])}{more}; export it again")
    return model


def parameters(model: onnx.ModelProto) -> int:
    """How many numbers its weights have."""
    return sum(
        int(np.prod(each.dims)) for each in model.graph.initializer if each.data_type in _FLOATS and each.dims
    )


def inputs_of_file(spec: ModelSpec, model: onnx.ModelProto, record: Preprocess) -> Feed:
    """The inputs of a file, by its own shapes where they are static.

    A file of one input needs no declaration; `preprocess: size` is then that of the file. Raises ZooError for
    inputs that are declared otherwise, are no float32, have a batch, channels that the record does not give,
    or a dynamic dimension without a second shape.
    """
    given = [each for each in model.graph.input if each.name not in _initializers(model)]
    if spec.inputs and len(spec.inputs) != len(given):
        raise ZooError(
            f"{spec.architecture} takes {len(given)} inputs ({', '.join(each.name for each in given)}), and "
            f"{len(spec.inputs)} are declared"
        )
    if not spec.inputs and len(given) != 1:
        entries = ", ".join(f"{{shape: {_static(_dims(each)) or '[…]'}}}" for each in given)
        raise ZooError(
            f"{spec.architecture} takes {len(given)} inputs: say where their values come from, by "
            f"inputs: [{entries}], each with values: image, normal, file or a number"
        )
    if not spec.inputs:
        return _one(spec, given[0], record)
    inputs = []
    for declared, each in zip(spec.inputs, given, strict=True):
        dims = _dims(each)
        shape = declared.get("shape") or _static(dims)
        if shape is None or (None in dims and "second_shape" not in declared):
            raise _dynamic(spec, each.name, dims, "inputs: shape and second_shape")
        values = {"name": each.name, "shape": tuple(shape)} | {
            key: value for key, value in declared.items() if key != "shape"
        }
        inputs.append(_fitting(Input.from_dict(values), dims))
    return Feed(record, tuple(inputs))


def _one(spec: ModelSpec, given: onnx.ValueInfoProto, record: Preprocess) -> Feed:
    """One image."""
    dims = _dims(given)
    if len(dims) != 3:
        raise ZooError(
            f"{spec.architecture}: {given.name} has the shape {_written(dims)} and is no image; declare it "
            "by inputs: [{shape: …, values: …}]"
        )
    if dims[0] is not None and dims[0] != len(record.mean):
        names = [name for name, count in CHANNELS.items() if count == dims[0]]
        hint = f"set preprocess: {{channels: {names[0]}, mean: […], std: […]}}, or " if names else ""
        raise ZooError(
            f"{spec.architecture}: {given.name} takes {dims[0]} channels and preprocessing gives "
            f"{len(record.mean)} ({record.channels}); {hint}give .npz files (inputs: [{{shape: …, values: "
            "file}])"
        )
    height, width = dims[1:]
    if height is not None and width is not None:
        if "size" in spec.preprocess and record.size != (height, width):
            raise ZooError(
                f"{spec.architecture}: {given.name} is {height}x{width} pixels, and preprocess: size says "
                f"{record.size[0]}x{record.size[1]}; leave size out, or export the model for it"
            )
        record = replace(record, size=(height, width))
        if spec.second_size is None:
            return Feed.image(record)
    if spec.second_size is None:
        raise _dynamic(spec, given.name, dims, "preprocess: size and second_size")
    feed = Feed.image(record, second_size=spec.second_size)
    return Feed(record, (_fitting(feed.inputs[0], dims),))


def _dynamic(spec: ModelSpec, name: str, dims: Sequence[int | None], keys: str) -> ZooError:
    return ZooError(
        f"{spec.architecture}: {name} has dynamic dimensions, {_written(dims)} without the batch; give two "
        f"shapes that it must take ({keys}), twice the same to have it made static"
    )


def _fitting(each: Input, dims: Sequence[int | None]) -> Input:
    for shape in filter(None, (each.shape, each.second_shape)):
        fits = len(shape) == len(dims) and all(
            dim in (None, size) for dim, size in zip(dims, shape, strict=True)
        )
        if not fits:
            raise ZooError(
                f"input {each.name} is {_written(dims)} in the file, and {list(shape)} is declared"
            )
    return each


def _initializers(model: onnx.ModelProto) -> set[str]:
    return {each.name for each in model.graph.initializer}


def _dims(given: onnx.ValueInfoProto) -> list[int | None]:
    """The shape without the batch, None for a dynamic dimension. ZooError for another type or batch."""
    tensor = given.type.tensor_type
    if tensor.elem_type != TensorProto.FLOAT:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise ZooError(
            f"its input {given.name} is {kind}, and only float inputs can be given; export it for these"
        )
    dims = [each.dim_value if each.HasField("dim_value") else None for each in tensor.shape.dim]
    if not dims or dims[0] not in (None, 1):
        raise ZooError(
            f"its input {given.name} has the shape {dims}, with a batch of {dims[0] if dims else 'none'}; "
            "export it for a batch of 1"
        )
    return dims[1:]


def _static(dims: Sequence[int | None]) -> list[int] | None:
    sizes = [size for size in dims if size is not None]
    return sizes if len(sizes) == len(dims) else None


def _written(dims: Sequence[int | None]) -> str:
    return "[" + ", ".join("?" if size is None else str(size) for size in dims) + "]"


def outputs_of_file(path: Path, feed: Feed) -> dict[str, Shape]:
    """The outputs by name, each with its shape without the batch, for zeros. ZooError if it does not run."""
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        inputs = zip((each.name for each in session.get_inputs()), feed.shapes, strict=True)
        outputs = session.run(None, {name: np.zeros((1, *shape), np.float32) for name, shape in inputs})
    except Exception as error:  # onnxruntime raises half a dozen unrelated classes
        reason = " ".join(str(error).split())[:200]
        raise ZooError(f"{path}: onnxruntime cannot run it ({reason})") from error
    names = [each.name for each in session.get_outputs()]
    return {
        name: each.shape[1:] if each.ndim and each.shape[0] == 1 else each.shape
        for name, each in zip(names, outputs, strict=True)
    }
