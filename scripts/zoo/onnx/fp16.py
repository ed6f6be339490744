"""fp16.onnx: float16 by onnxruntime's converter, except for layers that float16 breaks.

Which ones these are is measured. onnxruntime itself would not show it: where a CPU has no float16 kernels, as
x86, it computes in float32 and drops the roundings in between, so that nothing overflows there which would on
a device that stores float16. So the roundings are made explicit, see `emulated`, for the measurement.
"""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from zoo.array_types import FLOAT16_MAX, Arrays
from zoo.errors import ZooError
from zoo.measure.closeness import closeness
from zoo.measure.gates import failures
from zoo.onnx.calibration import Named, peaks, with_node_names

PROBES = 16
"""Calibration images that it is measured on, at most."""

HEADROOM = 2.0
"""A tensor must stay below float16's largest number by this factor: other images reach further."""

KEPT_FLOAT = "kept_float"
"""The key of the file's metadata that has, as JSON, the layers that stayed float and the reason of each."""

Kept = dict[str, str]
"""The name of each node that stays float -> why."""


def to_fp16(
    model: ModelProto, feeds: Sequence[Named], gates: Mapping[str, float], classifies: bool
) -> ModelProto:
    """The float32 model in float16; inputs and outputs stay float32.

    classifies: whether its output holds a number for each class, see `zoo.measure.closeness`.

    A node stays float if float16 cannot hold one of its weights, or a tensor that it reads or makes on the
    feeds (see `HEADROOM`), if its operator does not take float16, or if with it in float16 the outputs for
    the feeds would not meet the gates, by the rule that its verification holds it to (see
    `zoo.measure.gates.failures`). They are logged, and listed in the model's metadata.

    Raises ZooError naming a layer if none with weights can be float16, for outputs that are not finite, and
    for an unknown gate.
    """
    model = with_node_names(model)
    reference = _outputs(model, feeds)
    if not all(np.isfinite(values).all() for values in reference):
        raise ZooError("the fp32 model's own outputs hold NaN or infinity; mend its weights first")
    kept = _without_half(model) | _unfit_weights(model) | _overflows(model, peaks(model, feeds))
    kept |= _unfaithful(model, kept, feeds, _Judge(reference, gates, classifies))
    half = convert(model, kept)
    if _weights(model, TensorProto.FLOAT) and not _weights(half, TensorProto.FLOAT16):
        name, reason = next(iter(kept.items()))
        raise ZooError(f"no layer with weights can be float16; layer {name}: {reason}. Use fp32.onnx")
    for name, reason in kept.items():
        logging.warning("layer %s stays float: %s", name, reason)
    helper.set_model_props(half, {KEPT_FLOAT: json.dumps(kept)})
    return half


def convert(model: ModelProto, floats: Collection[str]) -> ModelProto:
    """The model in float16 but for the nodes named `floats`; every node must have a name of its own.

    onnxruntime's converter casts a tensor twice that two float nodes read, which makes an invalid model, and
    rounds to float16 what a float node hands to another. Both are mended here.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16

    own = [node.name for node in model.graph.node]
    half: ModelProto = convert_float_to_float16(
        model, keep_io_types=True, op_block_list=[], node_block_list=sorted(floats)
    )
    graph = half.graph
    nodes = {node.name: node for node in graph.node if node.name in set(own)}
    casts = {node.output[0]: node for node in graph.node if node.name not in nodes}

    def unrounded(name: str) -> str:
        """The float tensor that `name` was before it was cast to float16 and back, or `name`."""
        back = casts.get(name)
        there = casts.get(back.input[0]) if back is not None and _target(back) == TensorProto.FLOAT else None
        return there.input[0] if there is not None and _target(there) == TensorProto.FLOAT16 else name

    renamed = {}
    for output in graph.output:
        if (source := unrounded(output.name)) != output.name and source not in _names(graph.input):
            renamed[source] = output.name
            del casts[output.name]
    ordered: list[NodeProto] = []

    def place(node: NodeProto) -> None:
        """Append a node, after the casts that it reads."""
        node.input[:] = [unrounded(name) for name in node.input]
        for cast in [casts.pop(name) for name in dict.fromkeys(node.input) if name in casts]:
            place(cast)
        ordered.append(node)

    for name in own:
        place(nodes[name])
    for output in graph.output:
        if output.name in casts:
            place(casts.pop(output.name))
    for node in ordered:
        for names in (node.input, node.output):
            names[:] = [renamed.get(name, name) for name in names]
    for field, values in ((graph.node, ordered), (graph.value_info, [])):
        del field[:]
        field.extend(values)
    return half


def emulated(half: ModelProto) -> ModelProto:
    """The float16 model with each node computed in float32 and each result rounded to float16, explicitly."""
    inferred = onnx.shape_inference.infer_shapes(half).graph
    types = {tensor.name: tensor.data_type for tensor in half.graph.initializer}
    for value in chain(inferred.value_info, inferred.input, inferred.output):
        types[value.name] = value.type.tensor_type.elem_type
    result = ModelProto()
    result.CopyFrom(half)
    nodes: list[NodeProto] = []
    wide: set[str] = set()

    def is_half(name: str) -> bool:
        return types.get(name) == TensorProto.FLOAT16

    for node in result.graph.node:
        if node.op_type == "Cast":
            nodes.append(node)
            continue
        for name in filter(is_half, node.input):
            if name not in wide:
                wide.add(name)
                nodes.append(helper.make_node("Cast", [name], [f"{name}/wide"], to=TensorProto.FLOAT))
        node.input[:] = [f"{name}/wide" if is_half(name) else name for name in node.input]
        made = list(filter(is_half, node.output))
        node.output[:] = [f"{name}/unrounded" if is_half(name) else name for name in node.output]
        nodes.append(node)
        nodes += [
            helper.make_node("Cast", [f"{name}/unrounded"], [name], to=TensorProto.FLOAT16) for name in made
        ]
    del result.graph.node[:], result.graph.value_info[:]
    result.graph.node.extend(nodes)
    return result


def _without_half(model: ModelProto) -> Kept:
    """Nodes whose operator is not defined for float16."""
    opset = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    return {
        node.name: f"{node.op_type} of opset {opset} does not take float16"
        for node in model.graph.node
        if not _takes_half(node, opset)
    }


def _takes_half(node: NodeProto, opset: int) -> bool:
    schema = onnx.defs.get_schema(node.op_type, opset, node.domain)
    first = [*schema.inputs[:1], *schema.outputs[:1]][0].types
    return "tensor(float)" not in first or "tensor(float16)" in first


def _unfit_weights(model: ModelProto) -> Kept:
    """Nodes with a weight that float16 cannot hold."""
    unfit = {}
    for tensor in _weights(model, TensorProto.FLOAT):
        values = numpy_helper.to_array(tensor)
        beyond = ~(np.abs(values) <= FLOAT16_MAX)
        if beyond.any():
            unfit[tensor.name] = (
                f"its weight {tensor.name} holds {values[beyond][0]:g}, beyond {FLOAT16_MAX:.0f}"
            )
    return {node.name: unfit[name] for node in model.graph.node for name in node.input if name in unfit}


def _overflows(model: ModelProto, peaks: Mapping[str, float]) -> Kept:
    """Nodes that make or read a tensor which float16 does not hold."""
    high = {name: peak for name, peak in peaks.items() if not peak * HEADROOM <= FLOAT16_MAX}
    kept = {}
    for node in model.graph.node:
        for does, names in (("reads", node.input), ("makes", node.output)):
            for name in names:
                if name in high:
                    kept[node.name] = (
                        f"it {does} {name}, which reaches {high[name]:.4g} on the calibration images; "
                        f"float16 ends at {FLOAT16_MAX:.0f}"
                    )
    return kept


@dataclass(frozen=True)
class _Judge:
    """What the float16 model is held to. reference: the float32 model's outputs, each (images, …)."""

    reference: Arrays
    gates: Mapping[str, float]
    classifies: bool

    def failures(self, outputs: Arrays) -> str:
        """What outputs fail for, as a sentence; an empty one if they pass."""
        names = [f"calibration image {number}" for number in range(1, len(outputs[0]) + 1)]
        numbers = closeness(self.reference, outputs, names, self.classifies)
        return "; ".join(failures(outputs, names, numbers, self.gates))


def _unfaithful(model: ModelProto, kept: Collection[str], feeds: Sequence[Named], judge: _Judge) -> Kept:
    """Further nodes that have to stay float for the outputs to meet the gates.

    With all nodes from some place on float, the model meets them; the last node before the first place where
    it does not is kept float, and the place is looked for again.
    """
    nodes = [node.name for node in model.graph.node if node.name not in kept]
    unfaithful: Kept = {}

    def missed(count: int) -> str:
        """What the model fails for with the first so many nodes in float16."""
        half = convert(model, {*kept, *unfaithful, *nodes[count:]})
        return judge.failures(_outputs(emulated(half), feeds))

    good = 0
    while missed(len(nodes)):
        bad = len(nodes)
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (good, middle) if missed(middle) else (middle, bad)
        unfaithful[nodes[bad - 1]] = f"with it in float16, {missed(bad)}"
    return unfaithful


def _outputs(model: ModelProto, feeds: Sequence[Named]) -> Arrays:
    """The outputs, each (images, …), for all feeds."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    results = [session.run(None, feed) for feed in feeds]
    return tuple(np.stack(values) for values in zip(*results, strict=True))


def _weights(model: ModelProto, kind: int) -> list[TensorProto]:
    return [tensor for tensor in model.graph.initializer if tensor.data_type == kind]


def _target(cast: NodeProto) -> int:
    """What a Cast node casts to."""
    return int(helper.get_node_attr_value(cast, "to"))


def _names(values: Collection[onnx.ValueInfoProto]) -> set[str]:
    return {value.name for value in values}
