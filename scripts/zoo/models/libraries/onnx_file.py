"""An ONNX file as the source of a model: whether it is sound, what it takes and what it returns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.images.inputs import IMAGE, Feed, Input, Shape, random_inputs
from zoo.images.preprocess import CHANNELS, Preprocess
from zoo.models.libraries.onnx_data import data_files
from zoo.models.onnx_source.accepted import Accepted, accepted
from zoo.models.onnx_source.ends import inputs_of

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


def read(path: Path) -> onnx.ModelProto:
    """The model of a file that is sound. Raises ZooError if it is missing, damaged or invalid, or if its
    weights hold NaN or infinity, naming them."""
    data_files(path)  # before somebody reads them
    try:
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(path)
    except Exception as error:  # protobuf, the checker and shape inference raise unrelated classes
        raise _invalid(path, error) from error
    _check_finite(path, model)
    return model


def accept(spec: ModelSpec) -> Accepted:
    """The model of the file that a specification names, as the zoo takes it, if it is sound so.

    Raises ZooError as `read` does, and for what cannot be had in float32.
    """
    path = Path(spec.architecture)
    data_files(path)
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf raises unrelated classes
        raise _invalid(path, error) from error
    try:
        taken = accepted(model, spec.layout, _no_images(spec, model))
    except ZooError as error:
        raise ZooError(f"{path}: {error}") from error
    if not taken.changes:
        return Accepted(read(path), ())  # checked by its path: it may have more than 2 GB
    try:
        onnx.checker.check_model(taken.model, full_check=True)
    except Exception as error:
        raise _invalid(path, error) from error
    _check_finite(path, taken.model)
    return taken


def _no_images(spec: ModelSpec, model: onnx.ModelProto) -> list[str]:
    """The inputs that are declared as something else than an image, or in the very shape that they have."""
    pairs = zip(spec.inputs, inputs_of(model), strict=False)
    return [
        each.name
        for declared, each in pairs
        if declared.get("values", IMAGE) != IMAGE or declared.get("shape") == _sizes(each)[1:]
    ]


def _sizes(given: onnx.ValueInfoProto) -> list[int | None]:
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in given.type.tensor_type.shape.dim]


def _invalid(path: Path, error: Exception) -> ZooError:
    return ZooError(f"{path} is not a valid ONNX model: {str(error).strip().splitlines()[0]}")


def _check_finite(path: Path, model: onnx.ModelProto) -> None:
    broken = [name for name, values in _weights(model) if not np.isfinite(values).all()]
    if broken:
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        raise ZooError(f"{path} holds NaN or infinity in {', '.join(broken[:3])}{more}; export it again")


def _weights(model: onnx.ModelProto) -> Iterator[tuple[str, NDArray[np.floating]]]:
    """Its float tensors: initializers, and the constants that some tools write weights as."""
    for each in model.graph.initializer:
        if each.data_type in _FLOATS:
            yield each.name, numpy_helper.to_array(each)
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].t.data_type in _FLOATS:
            yield node.output[0], numpy_helper.to_array(node.attribute[0].t)


def parameters(model: onnx.ModelProto) -> int:
    """How many numbers its weights have."""
    return sum(values.size for _, values in _weights(model) if values.ndim)


def inputs_of_file(spec: ModelSpec, model: onnx.ModelProto, record: Preprocess) -> Feed:
    """The inputs of a file, by its own shapes where they are static.

    A file of one input needs no declaration; `preprocess: size` is then that of the file. Raises ZooError for
    inputs that are declared otherwise, are no float32, have a batch, channels that the record does not give,
    or a dynamic dimension without a second shape.
    """
    given = inputs_of(model)
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
        if shape is None:
            raise _dynamic(spec, each.name, dims, "inputs: shape", "second_shape")
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
    elif "size" not in spec.preprocess:
        raise _dynamic(spec, given.name, dims, "preprocess: size", "second_size")
    feed = Feed.image(record, second_size=spec.second_size)
    return Feed(record, (_fitting(feed.inputs[0], dims),))


def _dynamic(spec: ModelSpec, name: str, dims: Sequence[int | None], key: str, second: str) -> ZooError:
    return ZooError(
        f"{spec.architecture}: {name} has dynamic dimensions, {_written(dims)} without the batch; give the "
        f"shape that they are to have ({key}), and another one ({second}) if they are to stay dynamic"
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


def _dims(given: onnx.ValueInfoProto) -> list[int | None]:
    """The shape without the batch, None for a dynamic dimension. ZooError for another type or batch."""
    tensor = given.type.tensor_type
    if tensor.elem_type != TensorProto.FLOAT:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise ZooError(
            f"its input {given.name} is {kind}, and only float inputs can be given; export it "
            "with inputs of float32"
        )
    dims = _sizes(given)
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


def outputs_of_file(path: Path, feed: Feed, taken: Accepted | None = None) -> dict[str, Shape]:
    """The outputs by name, each with its shape without the batch, for zeros; taken: of this model instead, if
    it differs from the file's. ZooError if it does not run."""
    model = taken.model.SerializeToString() if taken and taken.changes else path
    session, outputs = _run(path, model, {}, [np.zeros(shape, np.float32) for shape in feed.shapes])
    return {
        name: each.shape[1:] if each.ndim and each.shape[0] == 1 else each.shape
        for name, each in zip(session, outputs, strict=True)
    }


MOST_ROUNDED = 0.5
"""Of the error of a quantized model's output against the same in float, over that, as norms: 6 dB."""


def check_dequantized(path: Path, feed: Feed, taken: Accepted) -> None:
    """Raises ZooError unless a quantized file answers as the model does that was made of it, but for what
    rounding makes, on random inputs."""
    values = random_inputs(feed.shapes)
    _, own = _run(path, path, dict.fromkeys(taken.transposed, (1, 2, 0)), values)
    _, others = _run(path, taken.model.SerializeToString(), {}, values)
    for place, (one, other) in enumerate(zip(own, others, strict=True)):
        error, norm = float(np.linalg.norm(one - other)), float(np.linalg.norm(other))
        if not error <= MOST_ROUNDED * norm:
            raise ZooError(
                f"{path} is quantized, and its output {place} differs from that of its weights in float by "
                f"{error:.3g} of {norm:.3g} on a random input; give the model before quantization"
            )


def _run(
    path: Path,
    model: Path | bytes,
    orders: Mapping[str, tuple[int, ...]],
    values: Sequence[NDArray[np.float32]],
) -> tuple[list[str], list[NDArray[np.floating]]]:
    """The names of the outputs, and the outputs; orders: of the dimensions, for inputs that take them so."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        fed = {
            name: (each.transpose(orders[name]) if name in orders else each)[None]
            for name, each in zip(names, values, strict=True)
        }
        outputs = session.run(None, fed)
    except Exception as error:  # onnxruntime raises half a dozen unrelated classes
        reason = " ".join(str(error).split())[:200]
        raise ZooError(f"{path}: onnxruntime cannot run it ({reason})") from error
    return [each.name for each in session.get_outputs()], outputs
