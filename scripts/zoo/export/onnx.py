"""TorchScript and ONNX files of a rewritten model, the same bytes whenever and wherever they are made."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxsim
import torch
from torch import nn

from zoo.config.opset import DEFAULT_OPSET
from zoo.errors import ZooError
from zoo.export.refusals import explained
from zoo.export.rewrites import model_name
from zoo.export.tracing import (
    Tensors,
    another_shape,
    as_tuple,
    check_answers,
    exporting,
)
from zoo.jobs.files import replacing
from zoo.jobs.onnx_data import SUFFIX
from zoo.jobs.scratch import libraries_scratch, reserve, scratch
from zoo.onnx.zero_pads import keep_zero_pads
from zoo.runners.torch_outputs import tensors_of, traceable

INPUT, OUTPUT = "data", "output"
"""Names of the ONNX model's input and output where it has only one."""


OPSETS = range(11, 21)
"""ONNX operator sets that can be asked for: the exporter writes up to 20."""

MAX_INLINE_BYTES = 2_000_000_000
_INVALID = (onnx.checker.ValidationError, onnx.shape_inference.InferenceError)
"""Weights that lie in the ONNX file, a protobuf message being limited to 2 GiB; more go beside it."""


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
    example = as_tuple(example)
    if not isinstance(model, torch.jit.ScriptModule):
        model = model.eval().requires_grad_(False)
    model = traceable(model, example)
    simplified = _simplified(model, example, opset, names, second, Path(path))
    external = _is_large(simplified)
    data = Path(f"{path}{SUFFIX}")
    with replacing(*([path, data] if external else [path])) as (temporary, *_):
        onnx.save(simplified, temporary, save_as_external_data=external, location=data.name)
        del simplified
        for each in (example, second):
            if each is not None:
                _check_onnx(model, each, temporary)
    if not external:
        data.unlink(missing_ok=True)  # of a larger model that was here


def put_in_place(made: Path, target: Path) -> None:
    """Move an ONNX file, and its data if they lie beside it, over another of the same name."""
    data, old = Path(f"{made}{SUFFIX}"), Path(f"{target}{SUFFIX}")
    pairs = [(made, target), *([(data, old)] if data.exists() else [])]
    with replacing(*(final for _, final in pairs)) as temporaries:
        for (file, _), temporary in zip(pairs, temporaries, strict=True):
            file.replace(temporary)
    if len(pairs) == 1:
        old.unlink(missing_ok=True)  # of a larger model that was here


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
    with scratch(path) as folder, libraries_scratch(path):
        raw = str(folder / "raw.onnx")
        try:
            with exporting():
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
            # Where onnxsim cannot write its temporary file it takes another way, to other bytes.
            reserve(folder, Path(raw).stat().st_size)
            exported = onnx.load(raw, load_external_data=False)
            if keep_zero_pads(exported):
                onnx.save(exported, raw)
            simplified = _simplify(raw)
        except RuntimeError as error:
            raise ZooError(explained(model, example, opset, error)) from error
    return simplified


def _simplify(raw: str) -> onnx.ModelProto:
    """By onnxsim, without the passes of its optimizer where these leave the nodes out of order, or in shapes
    that do not go together."""
    try:
        simplified: onnx.ModelProto = onnxsim.simplify(raw)[0]
        if not _is_large(simplified):
            onnx.checker.check_model(simplified, full_check=True)
        return simplified
    except _INVALID:
        pass
    except RuntimeError as error:
        if "topologically sorted" not in str(error):
            raise
    simplified = onnxsim.simplify(raw, perform_optimization=False)[0]
    return simplified


def _is_large(model: onnx.ModelProto) -> bool:
    """Whether its weights do not fit into its file."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer) > MAX_INLINE_BYTES


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
    except _INVALID as error:
        reason = " ".join(str(error).split())[:200]
        raise ZooError(f"{model_name(model)}: onnxsim made an invalid ONNX model: {reason}") from error
    try:
        check_answers(model, "ONNX model", _runs(path, optimized=True), example)
    except ZooError as error:
        try:
            check_answers(model, "ONNX model", _runs(path, optimized=False), example)
        except ZooError:
            raise error from None
        raise ZooError(
            f"{model_name(model)}: its ONNX model is right, and onnxruntime {onnxruntime.__version__} makes "
            "it wrong by its own graph optimization; write what it changes in another form, or take another "
            "version of onnxruntime"
        ) from error


def _runs(path: Path, optimized: bool) -> Callable[[Tensors], list[torch.Tensor]]:
    """Runs a file by onnxruntime, after its graph optimization or without it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: its warnings tell of the graph's making, not of answers
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def run(probe: Tensors) -> list[torch.Tensor]:
        fed = {name: each.cpu().numpy() for name, each in zip(names, probe, strict=True)}
        try:
            return [torch.from_numpy(np.asarray(each)) for each in session.run(None, fed)]
        except Exception as error:  # onnxruntime raises half a dozen unrelated classes
            raise another_shape("ONNX model", probe, error) from error

    return run
