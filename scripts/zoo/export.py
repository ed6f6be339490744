"""TorchScript and ONNX files of a rewritten model, the same bytes whenever and wherever they are made."""

import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import onnxsim
import torch
from torch import nn
from torch.jit._trace import TracerWarning

from zoo.errors import ZooError
from zoo.files import replacing
from zoo.rewrites import model_name
from zoo.scratch import scratch
from zoo.tensors import largest_error, plain, tensors_of

INPUT, OUTPUT = "data", "output"
"""Names of the ONNX model's input and output where it has only one."""

Tensors = tuple[torch.Tensor, ...]

OPSETS = range(11, 21)
"""ONNX operator sets that can be asked for: the exporter writes up to 20."""

DEFAULT_OPSET = 17
"""The newest that onnxruntime 1.31 and pnnx 20261020 both read exactly.

Since 18 a reduction takes its axes as an input, which pnnx drops if it is a single one: the mean over the
tokens of a ViT, over the channels in GRN. Since 17 layer norm is one operator.
"""

TOLERANCE = 1e-4
"""Largest allowed error of an exported model, relative to the largest output: float32 in another order."""

MAX_INLINE_BYTES = 2_000_000_000
"""Weights that lie in the ONNX file, a protobuf message being limited to 2 GiB; more go beside it."""

_EXPECTED_WARNINGS: tuple[tuple[str, type[Warning]], ...] = (
    (r"`torch\.jit\.", FutureWarning),  # still the way into pnnx
    (r"You are using the legacy TorchScript-based ONNX export", DeprecationWarning),
    (r"The feature will be removed", DeprecationWarning),
    (r"Constant folding - Only steps=1", UserWarning),  # onnxsim folds what the exporter does not
    # Python values in the trace are right for one input size; that the input's content decides nothing
    # is checked by running the exported model on another input
    (r"", TracerWarning),
)


@torch.no_grad()
def export_torchscript(
    model: nn.Module, example: torch.Tensor | Tensors, path: str | Path, second: Tensors | None = None
) -> None:
    """Trace `model` on `example` (of each input, or of the only one; float32, NCHW for an image) and write it
    as TorchScript. Outputs in containers become a tuple of tensors.

    second: an example of another shape, which the traced model must take as well.

    The bytes depend on the model, on torch and on what this process traced before, for torch numbers the
    classes that it traces: export once per process. There are no paths, times or debug records in them.
    The file is for the CPU, and so is the model afterwards, wherever it was traced.

    Raises ZooError if the traced model does not compute what the model does, on another input.
    """
    example = _as_tuple(example)
    model = plain(model.eval().requires_grad_(False), example)
    with _without_expected_warnings():
        traced = torch.jit.trace(model, example, check_trace=False)  # type: ignore[no-untyped-call]
    for each in (example, second):
        if each is not None:
            probe = _probe(each)
            _compare(model, "TorchScript", model(*probe), _running(traced, probe))
    archive = io.BytesIO()
    with _without_expected_warnings():
        torch.jit.save(traced.cpu(), archive)
    with replacing(path) as (temporary,):
        _write_without_debug_records(archive, temporary)


@torch.no_grad()
def export_onnx(
    model: nn.Module,
    example: torch.Tensor | Tensors,
    path: str | Path,
    opset: int = DEFAULT_OPSET,
    names: tuple[Sequence[str], Sequence[str]] = ((INPUT,), (OUTPUT,)),
    second: Tensors | None = None,
) -> None:
    """Write `model` as ONNX in float32, traced on `example` (of each input, or of the only one; NCHW for an
    image): simplified and checked.

    names: of the inputs, and of the outputs. second: an example of another shape; where it differs, the
    dimensions are dynamic. The weights lie in the file, or in `<path>.data` beside it if they exceed
    `MAX_INLINE_BYTES`. The same model gives the same bytes.

    Raises ZooError if `opset` is not one of `OPSETS`, if onnxsim's result is no valid model, or if
    onnxruntime does not compute with it what the model does, on another input.
    """
    if opset not in OPSETS:
        raise ZooError(
            f"{model_name(model)}: there is no export to ONNX opset {opset}; "
            f"choose one from {OPSETS[0]} to {OPSETS[-1]}"
        )
    example = _as_tuple(example)
    if not isinstance(model, torch.jit.ScriptModule):
        model = plain(model.eval().requires_grad_(False), example)
    simplified = _simplified(model, example, opset, names, second, Path(path))
    external = sum(len(tensor.raw_data) for tensor in simplified.graph.initializer) > MAX_INLINE_BYTES
    data = Path(f"{path}.data")
    with replacing(*([path, data] if external else [path])) as (temporary, *_):
        onnx.save(simplified, temporary, save_as_external_data=external, location=data.name)
        del simplified
        for each in (example, second):
            if each is not None:
                _check_onnx(model, each, temporary)


def _simplified(
    model: nn.Module,
    example: Tensors,
    opset: int,
    names: tuple[Sequence[str], Sequence[str]],
    second: Tensors | None,
    path: Path,
) -> onnx.ModelProto:
    (inputs, outputs), axes = names, None
    if second is not None:
        before, after = (tensors_of(model(*each)) for each in (example, second))
        axes = _changing(inputs, example, second) | _changing(outputs, before, after)
    with scratch(path) as folder:
        raw = str(folder / "raw.onnx")
        try:
            with _without_expected_warnings():
                torch.onnx.export(
                    model,
                    example,
                    raw,
                    input_names=list(inputs),
                    output_names=list(outputs),
                    dynamic_axes=axes,
                    opset_version=opset,
                    dynamo=False,
                )
            simplified: onnx.ModelProto = onnxsim.simplify(raw)[0]
        except RuntimeError as error:  # that of an operator without a form in this opset, too
            raise ZooError(
                f"{model_name(model)}: export to ONNX opset {opset} failed, choose another one: {error}"
            ) from error
    return simplified


def _changing(
    names: Sequence[str], first: Sequence[torch.Tensor], second: Sequence[torch.Tensor]
) -> dict[str, dict[int, str]]:
    """The dimensions of each tensor in which two examples differ, with names for them."""
    return {
        name: {axis: f"{name}_{axis}" for axis in range(one.dim()) if one.shape[axis] != other.shape[axis]}
        for name, one, other in zip(names, first, second, strict=True)
    }


def _check_onnx(model: nn.Module, example: Tensors, path: Path) -> None:
    try:
        onnx.checker.check_model(path, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ZooError(f"{model_name(model)}: onnxsim made an invalid ONNX model: {error}") from error
    probe = _probe(example)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    fed = zip((each.name for each in session.get_inputs()), probe, strict=True)
    try:
        outputs = session.run(None, {name: each.cpu().numpy() for name, each in fed})
    except Exception as error:  # onnxruntime raises half a dozen unrelated classes
        raise _another_shape("ONNX model", probe, error) from error
    _compare(model, "ONNX model", model(*probe), tuple(map(torch.from_numpy, outputs)))


def _write_without_debug_records(archive: io.BytesIO, path: Path) -> None:
    """Copy a TorchScript archive, except for its debug records, which hold paths of source files."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            # the serialization id is a checksum of all records, those that are left out included
            if not name.endswith((".debug_pkl", "/.data/serialization_id")):
                target.writestr(zipfile.ZipInfo(name), source.read(name))


def _as_tuple(example: torch.Tensor | Tensors) -> Tensors:
    return (example,) if isinstance(example, torch.Tensor) else example


def _probe(example: Tensors) -> Tensors:
    """Seeded random inputs that are not `example`."""
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(each.shape, generator=generator).to(each) for each in example)


def _running(traced: Any, probe: Tensors) -> Any:
    try:
        return traced(*probe)
    except RuntimeError as error:
        raise _another_shape("traced model", probe, error) from error


def _another_shape(kind: str, probe: Tensors, error: Exception) -> ZooError:
    reason = str(error).strip().splitlines()[-1][:200]
    shapes = " and ".join(str(list(each.shape)) for each in probe)
    return ZooError(
        f"the {kind} does not take inputs of the shape {shapes} ({reason}); its shape cannot be dynamic"
    )


def _compare(model: nn.Module, kind: str, expected: Any, got: Any) -> None:
    error = largest_error(tensors_of(expected), tensors_of(got))
    if not error <= TOLERANCE:  # a NaN fails as well
        raise ZooError(
            f"{model_name(model)}: its {kind} is off by {error:.1e} of the largest output on another input "
            "than the traced one; does the model branch on the content of its input?"
        )


@contextmanager
def _without_expected_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        for message, category in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message, category)
        yield
